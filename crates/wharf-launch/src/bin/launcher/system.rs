//! The operating system through its C interface.
#![expect(
    unsafe_code,
    reason = "without a standard library the C interface is all there is"
)]
use alloc::{string::String, vec::Vec};
use core::{
    ffi::{CStr, c_char, c_int},
    mem::MaybeUninit,
    ptr,
};
use wharf_env::Env;
use wharf_launch::{
    LaunchError, LaunchPlan,
    host::{Entry, Errno, Host, ReadError, RunError},
};

mod child;

/// The machine this runs on.
pub(crate) struct System;

/// An open file, closed when dropped.
struct Descriptor(c_int);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the descriptor is open and owned by this value.
        unsafe { libc::close(self.0) };
    }
}

/// A text for the C interface; cut at a NUL, which arguments, variables and names never hold.
struct CText(Vec<u8>);

impl CText {
    fn new(text: &[u8]) -> Self {
        let mut bytes: Vec<u8> = text.iter().copied().take_while(|byte| *byte != 0).collect();
        bytes.push(0);
        Self(bytes)
    }

    fn pointer(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

/// A NULL-terminated array of texts.
struct CTexts {
    _texts: Vec<CText>,
    pointers: Vec<*const c_char>,
}

impl CTexts {
    fn new(texts: impl Iterator<Item = Vec<u8>>) -> Self {
        let texts: Vec<CText> = texts.map(|text| CText::new(&text)).collect();
        let mut pointers: Vec<*const c_char> = texts.iter().map(CText::pointer).collect();
        pointers.push(ptr::null());
        Self {
            _texts: texts,
            pointers,
        }
    }

    fn from_env(env: &Env) -> Self {
        Self::new(
            env.iter_bytes()
                .map(|(name, value)| [name, b"=", value].concat()),
        )
    }

    fn pointer(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// The texts of a NULL-terminated array.
///
/// # Safety
/// `array` is NULL or points to such an array of NUL-terminated texts.
pub(crate) unsafe fn strings(array: *const *const c_char) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut place = array;
    while !place.is_null() {
        // SAFETY: the array has not ended yet, by the contract above.
        let text = unsafe { *place };
        if text.is_null() {
            break;
        }
        // SAFETY: each element is a NUL-terminated text.
        texts.push(unsafe { CStr::from_ptr(text) }.to_bytes().to_vec());
        // SAFETY: at most one past the last element, which is NULL and ends the loop.
        place = unsafe { place.add(1) };
    }
    texts
}

/// Writes to standard error; there is nobody to tell when that fails.
pub(crate) fn complain(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the buffer is as long as said.
        let written = unsafe { libc::write(2, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(count @ 1..) => rest = rest.get(count..).unwrap_or_default(),
            _ if errno().0 == libc::EINTR => {}
            _ => return,
        }
    }
}

/// The current directory; the root when it cannot be told.
pub(crate) fn current_dir() -> Vec<u8> {
    let mut buffer = Vec::from([0_u8; 4096]);
    // SAFETY: the buffer is as long as said.
    let found = unsafe { libc::getcwd(buffer.as_mut_ptr().cast(), buffer.len()) };
    if found.is_null() {
        return b"/".to_vec();
    }
    buffer.truncate(
        buffer
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or_default(),
    );
    buffer
}

/// Becomes the process: same pid, signals as a fresh process has them. Returns only on failure.
pub(crate) fn execute(plan: &LaunchPlan) -> LaunchError {
    let (cwd, program) = (CText::new(&plan.cwd), CText::new(&plan.program));
    let argv = CTexts::new(plan.argv.iter().cloned());
    let env = CTexts::from_env(&plan.env);
    // SAFETY: all texts and arrays are terminated and outlive the calls; the signal set is made by `sigemptyset`.
    unsafe {
        if libc::chdir(cwd.pointer()) != 0 {
            return LaunchError::WorkingDirectory {
                path: lossy(&plan.cwd),
            };
        }
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
        libc::execve(program.pointer(), argv.pointer(), env.pointer());
    }
    let source = errno();
    let hint = match source.0 {
        libc::ENOENT => ": the interpreter or loader it names is not in the image",
        libc::E2BIG => ": shorten the largest variables",
        _ => "",
    };
    LaunchError::Execute {
        program: lossy(&plan.program),
        source,
        hint,
    }
}

impl Host for System {
    fn read(&self, path: &[u8], limit: usize) -> Result<Vec<u8>, ReadError> {
        let file = open(path, libc::O_RDONLY).map_err(ReadError::Errno)?;
        let mut content = Vec::new();
        while read_some(&file, &mut content).map_err(ReadError::Errno)? {
            if content.len() > limit {
                return Err(ReadError::TooLarge(limit));
            }
        }
        Ok(content)
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Errno> {
        let path = CText::new(path);
        // SAFETY: the text is terminated.
        let directory = unsafe { libc::opendir(path.pointer()) };
        if directory.is_null() {
            return Err(errno());
        }
        let mut entries = Vec::new();
        // SAFETY: the directory is open until `closedir`, and each entry is read before the next call.
        unsafe {
            while let Some(entry) = libc::readdir(directory).as_ref() {
                let name = CStr::from_ptr(entry.d_name.as_ptr()).to_bytes();
                if name != b"." && name != b".." {
                    let is_directory = is_directory_entry(directory, entry);
                    entries.push(Entry {
                        name: name.to_vec(),
                        is_directory,
                    });
                }
            }
            libc::closedir(directory);
        }
        Ok(entries)
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        kind(path) == Some(libc::S_IFDIR)
    }

    fn is_file(&self, path: &[u8]) -> bool {
        kind(path) == Some(libc::S_IFREG)
    }

    fn is_executable(&self, path: &[u8]) -> bool {
        let text = CText::new(path);
        // SAFETY: the text is terminated.
        self.is_file(path) && unsafe { libc::access(text.pointer(), libc::X_OK) } == 0
    }

    fn run(
        &self,
        program: &[u8],
        env: &Env,
        directory: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, RunError> {
        child::run(program, env, directory, limit)
    }
}

/// Whether a directory entry is a directory itself; not every filesystem says so in the entry.
///
/// # Safety
/// `directory` is open and `entry` is its latest entry.
unsafe fn is_directory_entry(directory: *mut libc::DIR, entry: &libc::dirent) -> bool {
    if entry.d_type != libc::DT_UNKNOWN {
        return entry.d_type == libc::DT_DIR;
    }
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the directory is open, the name terminated, and the buffer is filled before it is read.
    unsafe {
        let flags = libc::AT_SYMLINK_NOFOLLOW;
        let done = libc::fstatat(
            libc::dirfd(directory),
            entry.d_name.as_ptr(),
            status.as_mut_ptr(),
            flags,
        );
        done == 0 && status.assume_init_ref().st_mode & libc::S_IFMT == libc::S_IFDIR
    }
}

fn kind(path: &[u8]) -> Option<libc::mode_t> {
    let path = CText::new(path);
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the text is terminated, and the buffer is filled before it is read.
    unsafe {
        let done = libc::stat(path.pointer(), status.as_mut_ptr());
        (done == 0).then(|| status.assume_init_ref().st_mode & libc::S_IFMT)
    }
}

fn open(path: &[u8], flags: c_int) -> Result<Descriptor, Errno> {
    let path = CText::new(path);
    // SAFETY: the text is terminated.
    descriptor(unsafe { libc::open(path.pointer(), flags | libc::O_CLOEXEC) })
}

/// The result of a call that returns a new descriptor.
fn descriptor(number: c_int) -> Result<Descriptor, Errno> {
    if number < 0 {
        Err(errno())
    } else {
        Ok(Descriptor(number))
    }
}

/// Appends what one `read` gives; false at the end.
fn read_some(file: &Descriptor, content: &mut Vec<u8>) -> Result<bool, Errno> {
    let mut buffer = [0_u8; 4096];
    loop {
        // SAFETY: the buffer is as long as said.
        let count = unsafe { libc::read(file.0, buffer.as_mut_ptr().cast(), buffer.len()) };
        match usize::try_from(count) {
            Ok(count) => {
                content.extend_from_slice(buffer.get(..count).unwrap_or_default());
                return Ok(count > 0);
            }
            Err(_) if errno().0 == libc::EINTR => {}
            Err(_) => return Err(errno()),
        }
    }
}

fn errno() -> Errno {
    // SAFETY: the pointer is valid for the calling thread.
    Errno(unsafe { *libc::__errno_location() })
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
