//! What `UniFFI` cannot carry: the virtual machine's handle, threads that stay attached to it, and the system's own log.

use std::ffi::c_void;

use jni::JavaVM;
use jni::sys::{JNI_VERSION_1_6, jint};

/// Called by `System.loadLibrary`: keeps the virtual machine, and lets panics be read in the log.
#[expect(unsafe_code, reason = "the name and the handle are those of the Java Native Interface")]
#[unsafe(no_mangle)]
extern "system" fn JNI_OnLoad(vm: *mut jni::sys::JavaVM, _reserved: *mut c_void) -> jint {
    // SAFETY: the virtual machine hands its own handle, which is valid as long as it lives; `from_raw` keeps it for `singleton`.
    let _kept = unsafe { JavaVM::from_raw(vm) };
    #[cfg(target_os = "android")]
    std::panic::set_hook(Box::new(|panic| logcat::write(crate::LogLevel::Error, &panic.to_string())));
    JNI_VERSION_1_6
}

/// Attaches this thread until it ends, where the library was loaded by the virtual machine: a thread that is attached for each callback is
/// another one in Java each time, and a transaction of the database belongs to one.
pub(crate) fn attach() {
    if let Ok(vm) = JavaVM::singleton() {
        // Without it each callback attaches the thread for itself.
        drop(vm.attach_current_thread(|_| Ok::<(), jni::errors::Error>(())));
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
