//! The bytes of a blob on their way: received on the runtime, read on the caller's thread, a bounded number of pieces in
//! between.
use crate::{failure::Failure, session::Session, statistics::Counters};
use bytes::Bytes;
use reqwest::{Response, StatusCode, header::CONTENT_RANGE};
use std::{
    io::{self, Read},
    sync::Arc,
};
use tokio::sync::mpsc;
use wharf_image::Descriptor;
use wharf_spec::digest::Digest;

/// Pieces that wait for their reader.
const CHUNKS: usize = 8;

/// The sending side of a download, on the runtime.
pub(crate) struct Download {
    session: Arc<Session>,
    repository: String,
    digest: Digest,
    size: u64,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Download {
    /// Passes on the bytes of `response`, and those of further ones when it breaks off. Must be called within the runtime.
    pub(crate) fn start(
        session: Arc<Session>,
        repository: String,
        blob: &Descriptor,
        response: Response,
    ) -> DownloadReader {
        let (sender, pieces) = mpsc::channel(CHUNKS);
        let download = Self {
            session,
            repository,
            digest: blob.digest,
            size: blob.size,
            sender,
        };
        tokio::spawn(download.run(response));
        DownloadReader {
            pieces,
            current: Bytes::new(),
        }
    }

    async fn run(self, response: Response) {
        let transfer = self.transfer(response);
        let session = &self.session;
        if let Err(failure) = session.http.in_time(session.registry(), transfer).await {
            let error = io::Error::other(failure.into_kind());
            // The reader may have lost interest.
            self.sender.send(Err(error)).await.ok();
        }
    }

    async fn transfer(&self, mut response: Response) -> Result<(), Failure> {
        let mut offset = 0;
        let mut attempt = 1;
        loop {
            let before = offset;
            let failure = match self.pieces(response, &mut offset).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            // Patience is for standing still, not for the length of the blob.
            attempt = if offset > before { 1 } else { attempt + 1 };
            self.session.pause(attempt, failure).await?;
            response = self
                .session
                .blob(&self.repository, self.digest, offset)
                .await?;
        }
    }

    /// Passes on what comes; `Ok` when the blob is complete or nobody reads any more.
    async fn pieces(&self, mut response: Response, offset: &mut u64) -> Result<(), Failure> {
        let mut skip = skipped(&response, *offset)?;
        while let Some(mut piece) = self.session.http.chunk(&mut response).await? {
            let length = piece.len() as u64;
            Counters::add(&self.session.counters().bytes_downloaded, length);
            let cut = skip.min(length);
            skip -= cut;
            let piece = piece.split_off(usize::try_from(cut).unwrap_or(usize::MAX));
            *offset += piece.len() as u64;
            if !piece.is_empty() && self.sender.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
            if *offset > self.size {
                // The verifying reader names the fault.
                return Ok(());
            }
        }
        if *offset < self.size {
            return Err(Failure::Connection {
                address: crate::failure::address(response.url()),
                source: format!("the transfer ended after {offset} of {} bytes", self.size).into(),
            });
        }
        Ok(())
    }
}

/// How many bytes of `response` are known already: none, or all before `offset` where ranges are not served.
fn skipped(response: &Response, offset: u64) -> Result<u64, Failure> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok(offset);
    }
    let range = response.headers().get(CONTENT_RANGE);
    let start = range
        .and_then(|range| {
            range
                .to_str()
                .ok()?
                .strip_prefix("bytes ")?
                .split('-')
                .next()
        })
        .and_then(|start| start.trim().parse::<u64>().ok());
    if start == Some(offset) {
        return Ok(0);
    }
    Err(Failure::protocol(
        response.status(),
        "it serves another range than was asked for",
    ))
}

/// The receiving side of a download, on the caller's thread.
pub(crate) struct DownloadReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for DownloadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}
