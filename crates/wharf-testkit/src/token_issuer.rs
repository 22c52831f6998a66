//! A token service that behaves as Harbor's: GET only, tokens by project, an empty `access_token`, and no error for a
//! wrong password as long as scopes are asked for.
use crate::http::{Handler, Request, Response, Server};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Name the registry is known by to the service.
pub const SERVICE: &str = "harbor-registry";
/// Name of the service in its tokens.
pub const ISSUER: &str = "harbor-token-issuer";

/// An account with its rights.
#[derive(Debug, Clone)]
pub struct Account {
    /// Such as `robot$tool-demo+builder`.
    pub name: String,
    /// Password.
    pub password: String,
    /// Projects (first component of a repository) and what may be done there: `pull`, `push`, `delete`.
    pub projects: Vec<(String, Vec<String>)>,
}

impl Account {
    /// An account that may do everything in `projects`.
    pub fn with_all_rights(name: &str, password: &str, projects: &[&str]) -> Self {
        let rights = ["pull", "push", "delete"].map(str::to_owned).to_vec();
        let projects = projects
            .iter()
            .map(|&project| (project.to_owned(), rights.clone()));
        Self {
            name: name.to_owned(),
            password: password.to_owned(),
            projects: projects.collect(),
        }
    }
}

/// Options of a token service.
#[derive(Debug, Clone)]
pub struct TokenIssuerOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who there is.
    pub accounts: Vec<Account>,
    /// Projects anyone may pull from.
    pub public_projects: Vec<String>,
    /// Life of tokens.
    pub lifetime: Duration,
}

impl Default for TokenIssuerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            accounts: Vec::new(),
            public_projects: Vec::new(),
            lifetime: Duration::from_mins(30),
        }
    }
}

/// A running token service; it stops when dropped.
#[derive(Debug)]
pub struct TokenIssuer {
    server: Server,
    certificate: String,
    issued: Arc<AtomicU64>,
}

impl TokenIssuer {
    /// Address for the registry's challenge.
    pub fn realm(&self) -> String {
        format!("http://{}/service/token", self.server.address())
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// Certificate whose key signs the tokens, in PEM; the registry must know it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// How many tokens were issued.
    pub fn issued(&self) -> u64 {
        self.issued.load(Ordering::SeqCst)
    }
}

/// Starts a token service.
pub fn start(options: TokenIssuerOptions) -> io::Result<TokenIssuer> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?.pem();
    let signer = Signer::new(&key)?;
    let issued = Arc::new(AtomicU64::new(0));
    let counter = issued.clone();
    let listen = options.listen;
    let handler: Arc<Handler> = Arc::new(move |request: &mut Request| {
        let response = answer(&options, &signer, request);
        if response.status == 200 {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        response
    });
    let server = Server::start(listen, handler)?;
    Ok(TokenIssuer {
        server,
        certificate,
        issued,
    })
}

fn answer(options: &TokenIssuerOptions, signer: &Signer, request: &Request) -> Response {
    if request.path() != "/service/token" {
        return Response::status(404);
    }
    if request.method != "GET" {
        return Response::status(405);
    }
    let query = request.query();
    let values = |wanted: &str| {
        let wanted = wanted.to_owned();
        query
            .iter()
            .filter(move |(name, _)| *name == wanted)
            .map(|(_, value)| value.as_str())
    };
    if values("service").next() != Some(SERVICE) {
        return Response::status(400).body("unable to handle the requested service");
    }
    let account = request
        .header("authorization")
        .and_then(|header| login(options, header));
    let scopes: Vec<_> = values("scope").flat_map(|scope| scope.split(' ')).collect();
    if account.is_none() && scopes.is_empty() {
        return Response::status(401).header("Www-Authenticate", "Basic realm=\"harbor\"");
    }
    let access: Vec<_> = scopes
        .iter()
        .filter_map(|scope| grant(options, account, scope))
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let lifetime = options.lifetime.as_secs();
    let claims = json!({
        "iss": ISSUER, "sub": account.map_or("", |account| account.name.as_str()), "aud": SERVICE,
        "exp": now + lifetime, "nbf": now, "iat": now, "jti": format!("{now}"), "access": access,
    });
    match signer.sign(&claims) {
        Ok(token) => {
            let reply = json!({"token": token, "access_token": "", "expires_in": lifetime, "issued_at": rfc3339(now)});
            Response::json(200, &reply)
        }
        Err(_) => Response::status(500),
    }
}

/// Seconds since 1970 as clients parse them; the calendar repeats every 400 years of 146 097 days.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let (days, clock) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    // Years begin in March, so that the leap day is their last.
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, more) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + more;
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn login<'a>(options: &'a TokenIssuerOptions, header: &str) -> Option<&'a Account> {
    let pair = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (name, password) = pair.split_once(':')?;
    let mut accounts = options.accounts.iter();
    accounts.find(|account| account.name == name && account.password == password)
}

/// All the account may do in the project of `scope`, not only what is asked for.
fn grant(
    options: &TokenIssuerOptions,
    account: Option<&Account>,
    scope: &str,
) -> Option<serde_json::Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, _) = rest.rsplit_once(':')?;
    let project = name.split('/').next()?;
    let own = account.and_then(|account| {
        let mut projects = account.projects.iter();
        projects
            .find(|(own, _)| own == project)
            .map(|(_, actions)| actions.clone())
    });
    let is_public = options
        .public_projects
        .iter()
        .any(|public| public == project);
    let public = || {
        if is_public {
            vec!["pull".to_owned()]
        } else {
            Vec::new()
        }
    };
    let actions = own.unwrap_or_else(public);
    (kind == "repository").then(|| json!({"type": kind, "name": name, "actions": actions}))
}

/// Signs tokens as ES256.
struct Signer {
    key: EcdsaKeyPair,
    key_id: String,
    random: SystemRandom,
}

impl Signer {
    fn new(key: &KeyPair) -> io::Result<Self> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let signing = EcdsaKeyPair::from_pkcs8(algorithm, &key.serialize_der(), &random)
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            key: signing,
            key_id: key_id(&key.subject_public_key_info()),
            random,
        })
    }

    fn sign(&self, claims: &serde_json::Value) -> io::Result<String> {
        let header = json!({"typ": "JWT", "alg": "ES256", "kid": self.key_id});
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let message = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = self
            .key
            .sign(&self.random, message.as_bytes())
            .map_err(|_| io::Error::other("sign token"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// How libtrust names a key: 30 bytes of the digest of its public part in base32, in groups of four.
fn key_id(public_key: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(public_key);
    let mut letters = Vec::with_capacity(48);
    for group in digest[..30].chunks(5) {
        let bits = group
            .iter()
            .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            letters.push(char::from(ALPHABET[(bits >> (place * 5) & 31) as usize]));
        }
    }
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(":")
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_are_written_as_clients_parse_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(315_532_801), "1980-01-01T00:00:01Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_868_800), "2000-03-01T00:00:00Z");
    }
}
