//! Certificates for servers under test, each from an authority of its own.
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use std::io;

/// A server's certificate with the authority that signed it.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    /// The authority, to be trusted, in PEM.
    pub authority: String,
    /// The server's certificate in PEM.
    pub certificate: String,
    /// The server's key in PEM.
    pub key: String,
}

impl ServerCertificate {
    /// For host names and addresses.
    pub fn for_names(names: &[&str]) -> io::Result<Self> {
        Self::issue(names, 4096)
    }

    /// For host names and addresses, but no longer valid.
    pub fn expired(names: &[&str]) -> io::Result<Self> {
        Self::issue(names, 2020)
    }

    fn issue(names: &[&str], until: i32) -> io::Result<Self> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut authority = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "authority of the tests");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = CertifiedIssuer::self_signed(authority, key).map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut server = CertificateParams::new(names).map_err(io::Error::other)?;
        server.not_after = date_time_ymd(until, 1, 1);
        let certificate = server
            .signed_by(&key, &authority)
            .map_err(io::Error::other)?;
        Ok(Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}
