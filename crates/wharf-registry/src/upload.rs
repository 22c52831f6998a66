//! One upload, from its start to its end or its cancellation.
use crate::{
    body::Upload,
    failure::Failure,
    location::Target,
    observe::Progress,
    pull::{content_digest, verify},
    push::post,
    put_blob::PutBlob,
    scope::Scope,
    session::{Call, Session},
    statistics::Counters,
    token::secret_header,
    uploads::OpenUpload,
};
use reqwest::{
    Body, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue},
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::{JoinHandle, JoinSet};
use wharf_image::{StoreError, StoreErrorKind};

/// How much longer than usual a registry may take to store what it has received.
const COMMIT_PATIENCE: u32 = 5;
/// How long the clean-up after a failure may take.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);
/// How long a registry gets to notice that an upload was broken off: one that has not may write down how far it came
/// after it was told to forget the upload.
const NOTICE: Duration = Duration::from_millis(50);

impl Session {
    /// Uploads from the start until it is done, fails for good, or the policy says enough.
    pub(crate) async fn upload<'a>(
        &'a self,
        blob: &PutBlob,
        mut started: Option<OpenUpload<'a>>,
    ) -> Result<(), Failure> {
        let mut attempt = 1;
        loop {
            let upload = match started.take() {
                Some(upload) => upload,
                None => self.start_upload(&blob.repository).await?,
            };
            let finish = Box::pin(self.finish_upload(blob, &upload));
            let finish = self.http.in_time(self.registry(), finish);
            let Err(failure) = self.uploads.unless_ending(&upload, finish).await else {
                return Ok(());
            };
            self.cancel_upload(&blob.repository, upload).await;
            let failure = failure.or_lost_upload();
            self.pause(attempt, failure).await?;
            attempt += 1;
            // An answer that got lost may have been a success.
            if self.has_blob(blob).await? {
                return Ok(());
            }
        }
    }

    pub(crate) async fn start_upload(&self, repository: &str) -> Result<OpenUpload<'_>, Failure> {
        let target = self.endpoint(repository, "blobs/uploads/").await?;
        let _under_way = self.uploads.begin().await;
        let response = self
            .send(&post(target, vec![Scope::push(repository)]))
            .await
            .map_err(Failure::while_writing)?;
        let target = self.location(&response).await?;
        Ok(self.uploads.add(repository, target))
    }

    /// One PUT with everything, so that quotas are checked before the bytes travel; in pieces only where that was asked
    /// for, because something on the way takes no more at a time.
    async fn finish_upload(&self, blob: &PutBlob, upload: &OpenUpload<'_>) -> Result<(), Failure> {
        let pieces = self.http.chunk_size.filter(|size| blob.size > *size);
        let mut target = upload.target();
        if let Some(size) = pieces {
            for piece in blob.pieces(size) {
                let response = self.send_body(Method::PATCH, &piece, &target).await?;
                // Each answer names the place of the next piece; with an older one the upload is lost.
                target = self.location(&response).await?;
                upload.move_to(target.clone());
            }
        }
        let digest = blob.digest.to_string();
        target.url.query_pairs_mut().append_pair("digest", &digest);
        // The last piece must not come along: Harbor would take its length for that of the blob.
        let rest = if pieces.is_some() {
            &blob.nothing()
        } else {
            blob
        };
        let response = self.send_body(Method::PUT, rest, &target).await?;
        verify("uploaded blob", blob.digest, content_digest(&response))
    }

    /// Sends a blob, or a piece of one, again with other credentials when the first are refused.
    async fn send_body(
        &self,
        method: Method,
        blob: &PutBlob,
        target: &Target,
    ) -> Result<Response, Failure> {
        let scopes = blob.scopes();
        let mut renewed = false;
        loop {
            let authorization = self.authorization(target, &scopes).await?;
            let mut request = Request::new(method.clone(), target.url.clone());
            let headers = request.headers_mut();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/octet-stream"),
            );
            headers.insert(CONTENT_LENGTH, blob.size.into());
            if let Some(range) = blob.range() {
                headers.insert(CONTENT_RANGE, range);
            }
            if let Some(value) = &authorization {
                headers.insert(AUTHORIZATION, secret_header(value)?);
            }
            let response = self.send_upload(blob, request).await?;
            let refused = response.status() == StatusCode::UNAUTHORIZED;
            if refused && !renewed && self.may_retry(&response, authorization.as_ref()).await {
                renewed = true;
                continue;
            }
            return self.accept(response, authorization.as_ref()).await;
        }
    }

    /// Sends `request` with the blob as its body, and watches that it moves.
    async fn send_upload(&self, blob: &PutBlob, mut request: Request) -> Result<Response, Failure> {
        let counters = self.counters();
        if let Some(bytes) = &blob.bytes {
            *request.body_mut() = Some(bytes.clone().into());
            let response = self.http.send(self.client(), request).await?;
            Counters::add(&counters.bytes_uploaded, blob.size);
            return Ok(response);
        }
        let mut asked = self.http.ask(&request);
        asked.sent = blob.size;
        let upload = Upload::start(blob.source.clone(), blob.size, counters.clone());
        let sent = upload.sent;
        *request.body_mut() = Some(Body::wrap(upload.body));
        let answer = Box::pin(self.client().execute(request));
        let outcome = self.watch(answer, blob, &sent).await;
        drop(upload.stop);
        self.http.told(&asked, outcome.as_ref());
        let url = asked.url;
        match outcome {
            Some(Ok(response)) => Ok(response),
            // The connection broke because the bytes did: that is the fault to name.
            Some(Err(error)) => Err(match reading_failure(blob, upload.reading).await {
                Some(failure) => failure,
                None => Failure::from_client(error, &url, &self.http.trust),
            }),
            None => Err(Failure::silent(&url, self.http.idle)),
        }
    }

    /// The answer to an upload; `None` when nothing moves any more.
    async fn watch<T>(
        &self,
        mut answer: impl Future<Output = T> + Unpin,
        blob: &PutBlob,
        sent: &AtomicU64,
    ) -> Option<T> {
        let begin = Instant::now();
        let idle = self.http.idle;
        let tick = idle.min(self.http.progress_interval);
        let mut before = 0;
        let mut still = Duration::ZERO;
        loop {
            if let Ok(outcome) = tokio::time::timeout(tick, &mut answer).await {
                return Some(outcome);
            }
            let now = sent.load(Ordering::Relaxed);
            still = if now > before {
                Duration::ZERO
            } else {
                still + tick
            };
            before = now;
            let patience = if now < blob.size {
                idle
            } else {
                idle * COMMIT_PATIENCE
            };
            if still >= patience {
                return None;
            }
            if let Some(observer) = &self.http.observer {
                observer.progress(&Progress {
                    digest: blob.digest,
                    sent: now,
                    size: blob.size,
                    time: begin.elapsed(),
                });
            }
        }
    }

    /// Tells the registry that an upload will not be finished. It forgets by itself as well, only later.
    pub(crate) async fn cancel_upload(&self, repository: &str, upload: OpenUpload<'_>) {
        let call = cancellation(repository, upload.target());
        // Repeated like any request: the failure before may have left a connection that is no good.
        tokio::time::timeout(CANCEL_PATIENCE, self.send(&call))
            .await
            .ok();
    }

    /// Starts no upload from here on, breaks off what is being sent, and cancels it: the program is about to end. An
    /// upload that was begun in the meantime never comes to an end.
    pub(crate) async fn cancel_uploads(self: Arc<Self>) {
        let open = self.uploads.end().await;
        if open.is_empty() {
            return;
        }
        tokio::time::sleep(NOTICE).await;
        let mut cancelled = JoinSet::new();
        for (repository, target) in open {
            let session = Arc::clone(&self);
            cancelled.spawn(async move {
                // Repeated for as long as the caller waits: what keeps a program from its end is often a bad network.
                let call = cancellation(&repository, target);
                session.send(&call).await.ok();
            });
        }
        cancelled.join_all().await;
    }
}

fn cancellation(repository: &str, target: Target) -> Call {
    Call::to(Method::DELETE, target, vec![Scope::push(repository)])
}

/// Why reading the bytes of a blob failed, if it did.
async fn reading_failure(blob: &PutBlob, reading: JoinHandle<io::Result<()>>) -> Option<Failure> {
    let error = reading.await.ok()?.err()?;
    // Bytes from another repository fail with an error of the store; it says more than the wrapping.
    let error = match error.downcast::<StoreError>() {
        Ok(inner) => return Some(Failure::Final(inner.kind)),
        Err(error) => error,
    };
    Some(Failure::Final(StoreErrorKind::Io {
        action: "read layer",
        path: blob.digest.to_string(),
        source: error,
    }))
}
