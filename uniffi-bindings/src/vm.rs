//! What `UniFFI` cannot carry: the virtual machine's handle, threads that stay attached to it, and the system's own log.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use jni_sys::{JNI_OK, JNI_VERSION_1_6, JavaVM, jint};

/// The virtual machine that loaded the library; there is one in a process, and it stays.
static MACHINE: AtomicPtr<JavaVM> = AtomicPtr::new(null_mut());

/// Called by `System.loadLibrary`: keeps the virtual machine, and lets panics be read in the log.
#[expect(unsafe_code, reason = "the name is that of the Java Native Interface")]
#[unsafe(no_mangle)]
extern "system" fn JNI_OnLoad(machine: *mut JavaVM, _reserved: *mut c_void) -> jint {
    MACHINE.store(machine, Ordering::Release);
    #[cfg(target_os = "android")]
    std::panic::set_hook(Box::new(|panic| logcat::write(crate::LogLevel::Error, &panic.to_string())));
    JNI_VERSION_1_6
}

/// A thread that is attached to the virtual machine until this is dropped.
pub(crate) struct Attached(*mut JavaVM);

/// Attaches this thread, where the library was loaded by the virtual machine: a thread that is attached for each callback is another one in
/// Java each time, and a transaction of the database belongs to one.
#[expect(unsafe_code, reason = "the Java Native Interface has no other way in")]
pub(crate) fn attach() -> Option<Attached> {
    let machine = MACHINE.load(Ordering::Acquire);
    if machine.is_null() {
        return None; // each callback attaches the thread for itself
    }
    let mut environment = null_mut();
    // SAFETY: the handle is the machine's own and lives as long as the process; no arguments are given.
    let attached = unsafe { ((**machine).v1_4.AttachCurrentThreadAsDaemon)(machine, &raw mut environment, null_mut()) };
    (attached == JNI_OK).then_some(Attached(machine))
}

impl Drop for Attached {
    #[expect(unsafe_code, reason = "the Java Native Interface has no other way in")]
    fn drop(&mut self) {
        // SAFETY: as above; it is not sent to another thread, since a pointer is not.
        unsafe { ((**self.0).v1_4.DetachCurrentThread)(self.0) };
    }
}

/// A line that the platform's own log did not take.
pub(crate) fn last_resort(level: crate::LogLevel, text: &str) {
    #[cfg(target_os = "android")]
    logcat::write(level, text);
    #[cfg(not(target_os = "android"))]
    let _ = (level, text); // there is no other log
}

#[cfg(target_os = "android")]
mod logcat {
    use std::ffi::{CString, c_char, c_int};

    use crate::LogLevel;

    #[expect(unsafe_code, reason = "liblog has no other way in")]
    #[link(name = "log")]
    unsafe extern "C" {
        fn __android_log_write(priority: c_int, tag: *const c_char, text: *const c_char) -> c_int;
    }

    #[expect(unsafe_code, reason = "liblog has no other way in")]
    pub(super) fn write(level: LogLevel, text: &str) {
        let priority = match level {
            LogLevel::Debug => 3,
            LogLevel::Info => 4,
            LogLevel::Warn => 5,
            LogLevel::Error => 6,
        };
        let Ok(text) = CString::new(text.replace('\0', " ")) else { return };
        // SAFETY: both are texts that end with a zero and live until the call returns.
        unsafe { __android_log_write(priority, c"longwire".as_ptr(), text.as_ptr()) };
    }
}
