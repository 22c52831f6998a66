//! What the standard library would bring: memory, and an end for a panic.
#![expect(
    unsafe_code,
    reason = "an allocator and the symbols of the unwinder cannot be had otherwise"
)]
use crate::system;
use alloc::format;
use core::{
    alloc::{GlobalAlloc, Layout},
    panic::PanicInfo,
};
use wharf_spec::exit_code::ExitCode;

/// Memory from the C library, whose alignment is enough for every type of this program.
struct CMemory;

// SAFETY: `malloc`, `realloc` and `free` keep the contract of `GlobalAlloc` for alignments up to that of
// `max_align_t`; a greater alignment is answered with no memory, which the contract allows.
unsafe impl GlobalAlloc for CMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > 16 {
            return core::ptr::null_mut();
        }
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(layout.size()).cast() }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _: Layout) {
        // SAFETY: the pointer came from `alloc` or `realloc`.
        unsafe { libc::free(pointer.cast()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, _: Layout, size: usize) -> *mut u8 {
        // SAFETY: the pointer came from `alloc` or `realloc`.
        unsafe { libc::realloc(pointer.cast(), size).cast() }
    }
}

#[global_allocator]
static MEMORY: CMemory = CMemory;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    system::complain(&format!(
        "ERROR: failed to launch: internal error: {info}\n"
    ));
    // SAFETY: always sound.
    unsafe { libc::_exit(ExitCode::LaunchFailed.code().into()) }
}

// Named by object files that were compiled for unwinding: libcore, liballoc and the C library. Panics abort here and
// nothing is ever cancelled, so these are never called; they spare the launcher the unwinder.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
#[unsafe(no_mangle)]
extern "C" fn __gcc_personality_v0() {}
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: always sound.
    unsafe { libc::abort() }
}
