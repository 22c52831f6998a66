//! Connections: one client that verifies certificates and one that does not, shared by all registries.
use crate::{
    certs_dir::{self, HostCertificates},
    failure::Failure,
    observe::{Exchange, Observer},
    options::{ProxySettings, RegistryOptions},
    scheme::LOOPBACK,
    statistics::Counters,
    store::RegistrySetupError,
    tls::{self, Trust},
};
use bytes::Bytes;
use reqwest::{Client, ClientBuilder, Method, NoProxy, Proxy, Request, Response, Url, redirect};
use rustls::ClientConfig;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// The clients with what they count.
#[derive(Debug)]
pub(crate) struct Http {
    verifying: Client,
    unverified: Client,
    /// Those of registries with certificates of their own, by `host[:port]`.
    hosts: BTreeMap<String, Client>,
    pub(crate) trust: Trust,
    pub(crate) counters: Arc<Counters>,
    pub(crate) idle: Duration,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    transfer_timeout: Option<Duration>,
    /// How often an upload says how far it is.
    pub(crate) progress_interval: Duration,
    /// Bytes of a blob in one request.
    pub(crate) chunk_size: Option<u64>,
    /// Hosts that get passwords for registries on other hosts.
    pub(crate) trusted_realms: Vec<String>,
}

impl Http {
    pub(crate) fn new(options: &RegistryOptions) -> Result<Self, RegistrySetupError> {
        let trust = Trust::new(&options.certificates)?;
        let builder = || {
            // HTTP/1.1 only: uploads need a Content-Length and a connection of their own more than multiplexing.
            Client::builder()
                .user_agent(&options.user_agent)
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(options.connect_timeout)
                .http1_only()
                .referer(false)
                .no_proxy()
        };
        let verifying = trust.verifying(None).map_err(RegistrySetupError::Tls)?;
        let mut hosts = BTreeMap::new();
        if let Some(dir) = &options.certs_dir {
            for host in certs_dir::read(dir)? {
                let (name, config) = host_config(options, host)?;
                let client = with_proxies(builder(), &options.proxies)?;
                let client = client.tls_backend_preconfigured(config).build();
                hosts.insert(name, client.map_err(RegistrySetupError::Client)?);
            }
        }
        let unverified = tls::unverified().map_err(RegistrySetupError::Tls)?;
        Ok(Self {
            verifying: with_proxies(builder(), &options.proxies)?
                .tls_backend_preconfigured(verifying)
                .build()
                .map_err(RegistrySetupError::Client)?,
            unverified: builder()
                .tls_backend_preconfigured(unverified)
                .build()
                .map_err(RegistrySetupError::Client)?,
            hosts,
            trust,
            counters: Arc::default(),
            idle: options.idle_timeout,
            observer: options.observer.clone(),
            transfer_timeout: options.transfer_timeout,
            progress_interval: options.progress_interval,
            chunk_size: options.chunk_size.filter(|size| *size > 0),
            trusted_realms: options.trusted_realms.clone(),
        })
    }

    /// The client for `host[:port]`.
    pub(crate) fn client(&self, registry: &str, insecure: bool) -> &Client {
        if insecure {
            &self.unverified
        } else {
            self.hosts.get(registry).unwrap_or(&self.verifying)
        }
    }

    /// Sends a request with no or a small body and waits for the head of the answer.
    pub(crate) async fn send(
        &self,
        client: &Client,
        request: Request,
    ) -> Result<Response, Failure> {
        let asked = self.ask(&request);
        let answer = tokio::time::timeout(self.idle, client.execute(request)).await;
        self.told(&asked, answer.as_ref().ok());
        match answer {
            Ok(result) => {
                result.map_err(|error| Failure::from_client(error, &asked.url, &self.trust))
            }
            Err(_) => Err(Failure::silent(&asked.url, self.idle)),
        }
    }

    /// Counts a request that is about to be sent.
    pub(crate) fn ask(&self, request: &Request) -> Asked {
        Counters::add(&self.counters.requests, 1);
        let body = request.body().and_then(reqwest::Body::as_bytes);
        Asked {
            method: request.method().clone(),
            url: request.url().clone(),
            sent: body.map_or(0, |bytes| bytes.len() as u64),
            begin: Instant::now(),
        }
    }

    /// Tells of a request and its answer.
    pub(crate) fn told(&self, asked: &Asked, answer: Option<&Result<Response, reqwest::Error>>) {
        let Some(observer) = &self.observer else {
            return;
        };
        let answer = answer.and_then(|answer| answer.as_ref().ok());
        let request = (&asked.method, &asked.url, asked.sent);
        observer.request(&Exchange::new(request, asked.begin.elapsed(), answer));
    }

    /// A transfer with `registry`, for as long as one may take.
    pub(crate) async fn in_time<T>(
        &self,
        registry: &str,
        transfer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Some(limit) = self.transfer_timeout else {
            return transfer.await;
        };
        let late = |_| Err(Failure::late(registry, limit));
        tokio::time::timeout(limit, transfer)
            .await
            .unwrap_or_else(late)
    }

    /// The next piece of a body.
    pub(crate) async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout(self.idle, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(Failure::from_client(error, response.url(), &self.trust)),
            Err(_) => Err(Failure::silent(response.url(), self.idle)),
        }
    }

    /// A whole body; `None` when it is larger than `limit`.
    pub(crate) async fn body(
        &self,
        response: &mut Response,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(response).await? {
            if body.len() + chunk.len() > limit {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }
}

/// A request on its way.
pub(crate) struct Asked {
    method: Method,
    pub(crate) url: Url,
    /// Bytes of its body.
    pub(crate) sent: u64,
    begin: Instant,
}

/// TLS with one registry: more authorities, and a certificate of our own.
fn host_config(
    options: &RegistryOptions,
    host: HostCertificates,
) -> Result<(String, ClientConfig), RegistrySetupError> {
    let mut certificates = options.certificates.clone();
    certificates.extra_pem.extend(host.authorities);
    let path = &host.path;
    let trust = Trust::new(&certificates)
        .map_err(|_| certs_dir::unusable(path, "a .crt file holds no certificate in PEM"))?;
    let config = trust.verifying(host.identity);
    let config = config.map_err(|error| certs_dir::unusable(path, &error.to_string()))?;
    Ok((host.host, config))
}

fn with_proxies(
    mut builder: ClientBuilder,
    settings: &ProxySettings,
) -> Result<ClientBuilder, RegistrySetupError> {
    let direct = match &settings.no_proxy {
        Some(hosts) => format!("{LOOPBACK},{hosts}"),
        None => LOOPBACK.to_owned(),
    };
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let proxies = [
        ("HTTP_PROXY", filled(&settings.http).map(Proxy::http)),
        ("HTTPS_PROXY", filled(&settings.https).map(Proxy::https)),
    ];
    for (variable, proxy) in proxies {
        if let Some(proxy) = proxy {
            // The error of the parser may quote a password.
            let proxy = proxy.map_err(|_| RegistrySetupError::Proxy { variable })?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&direct)));
        }
    }
    Ok(builder)
}
