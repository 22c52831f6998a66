//! What the launcher asks of the operating system.
use alloc::vec::Vec;
use core::fmt;
use wharf_env::Env;

/// An error number of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct Errno(pub i32);

impl Errno {
    /// The file or a directory on the way to it does not exist.
    pub const NOT_FOUND: Self = Self(libc::ENOENT);

    /// Whether there is nothing at the path.
    pub fn is_not_found(self) -> bool {
        matches!(self.0, libc::ENOENT | libc::ENOTDIR)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A table of our own: the C library's texts would bring its locales along.
        f.write_str(match self.0 {
            libc::EPERM => "operation not permitted",
            libc::ENOENT => "no such file or directory",
            libc::EIO => "input/output error",
            libc::E2BIG => "arguments and environment are too large",
            libc::ENOEXEC => {
                "not an executable format (wrong architecture, or a script without '#!')"
            }
            libc::ENOMEM => "out of memory",
            libc::EACCES => "permission denied",
            libc::ENOTDIR => "not a directory",
            libc::EISDIR => "is a directory",
            libc::EMFILE | libc::ENFILE => "too many open files",
            libc::ETXTBSY => "the file is being written",
            libc::EAGAIN => "no more processes allowed",
            libc::ELOOP => "too many symbolic links",
            libc::ENAMETOOLONG => "file name too long",
            other => return write!(f, "error {other}"),
        })
    }
}

/// Why a file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("{0}")]
    Errno(Errno),
    /// The content holds a NUL byte, where the kernel would cut a variable.
    #[error("it holds a NUL byte")]
    NulByte,
    /// The file is larger than the limit, in bytes.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
}

/// Why a program did not run to success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error("start: {0}")]
    Start(Errno),
    /// It ended with another status than zero.
    #[error("it ended with status {0}")]
    Status(i32),
    /// It was ended by a signal.
    #[error("it was ended by signal {0}")]
    Signal(i32),
    /// It wrote more than the limit, in bytes.
    #[error("it wrote more than {0} bytes to file descriptor 3")]
    TooMuchOutput(usize),
    /// Its output could not be read.
    #[error("read its output: {0}")]
    Output(Errno),
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: Vec<u8>,
    /// Whether it is a directory itself, not a link to one.
    pub is_directory: bool,
}

/// The operating system as the launcher sees it.
pub trait Host {
    /// Reads a whole file of at most `limit` bytes.
    fn read(&self, path: &[u8], limit: usize) -> Result<Vec<u8>, ReadError>;
    /// Lists a directory in any order.
    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Errno>;
    /// Whether there is a directory, links followed.
    fn is_directory(&self, path: &[u8]) -> bool;
    /// Whether there is a file, links followed.
    fn is_file(&self, path: &[u8]) -> bool;
    /// Whether there is a file this user may execute, links followed.
    fn is_executable(&self, path: &[u8]) -> bool;
    /// Runs a program to its end in `directory` and returns at most `limit` bytes it wrote to file descriptor 3.
    fn run(
        &self,
        program: &[u8],
        env: &Env,
        directory: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, RunError>;
}
