//! The body of an upload: read on a blocking thread, sent with its true length, never held whole.
use crate::statistics::Counters;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    io::{self, Read},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use wharf_layer::BlobSource;

/// One piece between the reading thread and the connection.
const CHUNK: usize = 128 << 10;
/// Pieces under way; with [`CHUNK`] this bounds the memory of an upload.
const CHUNKS: usize = 2;

/// An upload that is being read.
pub(crate) struct Upload {
    pub(crate) body: UploadBody,
    /// Bytes handed to the connection so far, to see whether it still moves.
    pub(crate) sent: Arc<AtomicU64>,
    /// How reading ended.
    pub(crate) reading: JoinHandle<io::Result<()>>,
    /// Ends reading when dropped: a connection that stands still keeps its body for as long as the kernel keeps trying.
    pub(crate) stop: oneshot::Sender<Infallible>,
}

/// The receiving end.
#[derive(Debug)]
pub(crate) struct UploadBody {
    pieces: mpsc::Receiver<Bytes>,
    remaining: u64,
    sent: Arc<AtomicU64>,
    counters: Arc<Counters>,
}

impl Upload {
    /// Starts to read `size` bytes from the start of `source`. Must be called within the runtime.
    pub(crate) fn start(source: Arc<dyn BlobSource>, size: u64, counters: Arc<Counters>) -> Self {
        let (sender, pieces) = mpsc::channel(CHUNKS);
        let sent = Arc::new(AtomicU64::new(0));
        let body = UploadBody {
            pieces,
            remaining: size,
            sent: sent.clone(),
            counters,
        };
        let (stop, stopped) = oneshot::channel();
        let mut pieces = Pieces {
            sender,
            stopped,
            runtime: Handle::current(),
        };
        let reading = tokio::task::spawn_blocking(move || read(&*source, size, &mut pieces));
        Self {
            body,
            sent,
            reading,
            stop,
        }
    }
}

/// The sending end.
struct Pieces {
    sender: mpsc::Sender<Bytes>,
    stopped: oneshot::Receiver<Infallible>,
    runtime: Handle,
}

impl Pieces {
    /// False when nobody takes pieces any more.
    fn send(&mut self, piece: Bytes) -> bool {
        self.runtime.block_on(async {
            tokio::select! {
                sent = self.sender.send(piece) => sent.is_ok(),
                _ = &mut self.stopped => false,
            }
        })
    }
}

/// Reads everything and keeps the last piece back until the source has confirmed its end, so that a source that
/// verifies itself is never completed with wrong bytes.
fn read(source: &dyn BlobSource, size: u64, pieces: &mut Pieces) -> io::Result<()> {
    let mut reader = source.open()?;
    let mut total = 0;
    let mut held: Option<Bytes> = None;
    loop {
        let mut piece = Vec::with_capacity(CHUNK);
        reader.by_ref().take(CHUNK as u64).read_to_end(&mut piece)?;
        total += piece.len() as u64;
        if total > size || (piece.is_empty() && total < size) {
            let message = format!("it has {total} bytes or more where {size} were promised");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let done = piece.is_empty();
        if let Some(ready) = held.take()
            && !pieces.send(ready)
        {
            // The connection has gone; it says why.
            return Ok(());
        }
        if done {
            return Ok(());
        }
        held = Some(piece.into());
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let Some(piece) = ready!(self.pieces.poll_recv(context)) else {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        };
        let length = piece.len() as u64;
        self.remaining = self.remaining.saturating_sub(length);
        self.sent.fetch_add(length, Ordering::Relaxed);
        Counters::add(&self.counters.bytes_uploaded, length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// A piece of what another source has.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) whole: Arc<dyn BlobSource>,
    pub(crate) start: u64,
    pub(crate) size: u64,
}

impl BlobSource for Piece {
    /// What comes before is read and thrown away: sources are files and other registries, not arrays.
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let mut reader = self.whole.open()?;
        io::copy(&mut reader.by_ref().take(self.start), &mut io::sink())?;
        Ok(Box::new(reader.take(self.size)))
    }
}

/// Bytes at hand, such as a config.
#[derive(Debug)]
pub(crate) struct BytesSource(pub(crate) Bytes);

impl BlobSource for BytesSource {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.0.clone())))
    }
}
