package org.longwire.unidbg;

import com.github.unidbg.AndroidEmulator;
import com.github.unidbg.Module;
import com.github.unidbg.linux.android.AndroidEmulatorBuilder;
import com.github.unidbg.linux.android.AndroidResolver;
import com.github.unidbg.linux.android.dvm.VM;
import com.github.unidbg.memory.MemoryBlock;
import com.github.unidbg.pointer.UnidbgPointer;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;

/**
 * An emulated phone of one ABI with Android 6's C library, into which the library is loaded as the virtual machine does it.
 *
 * <p>There is one per ABI and it is never closed: the emulator frees memory twice when threads ran in it.
 */
final class Phone {
    /** What a call of UniFFI leaves behind: 0 is a result, 1 a declared error, 2 a panic. */
    static final class Outcome {
        final int value;
        final int code;
        final String message;

        Outcome(int value, int code, String message) {
            this.value = value;
            this.code = code;
            this.message = message;
        }
    }

    /** The oldest system that the emulator brings and that has both widths; the library wants Android 7. */
    private static final int SDK = 23;
    private static final String PREFIX = "uniffi_longwire_push_fn_func_";
    /** RustCallStatus: a code, then capacity, length and address of a text. */
    private static final int STATUS_BYTES = 32;
    private static final Map<Abi, Phone> PHONES = new EnumMap<>(Abi.class);

    final AndroidEmulator emulator;
    final Module library;
    /** What JNI_OnLoad answered. */
    final int jniVersion;

    static Phone of(Abi abi) {
        return PHONES.computeIfAbsent(abi, Phone::new);
    }

    private Phone(Abi abi) {
        AndroidEmulatorBuilder builder = abi.is64Bit() ? AndroidEmulatorBuilder.for64Bit() : AndroidEmulatorBuilder.for32Bit();
        emulator = builder.setProcessName("org.longwire.host").build();
        emulator.getMemory().setLibraryResolver(new AndroidResolver(SDK));
        emulator.getSyscallHandler().setEnableThreadDispatcher(true);
        VM machine = emulator.createDalvikVM();
        library = machine.loadLibrary(abi.file(), true).getModule();
        jniVersion = library.callFunction(emulator, "JNI_OnLoad", machine.getJavaVM(), null).intValue();
    }

    /** Calls a function that takes no status: UniFFI's versions and checksums. Nothing of the surface is wider than 32 bits here. */
    int call(String symbol) {
        return library.callFunction(emulator, symbol).intValue();
    }

    /** Calls a function of the surface that takes no arguments and returns a number or nothing. */
    Outcome callExported(String function) {
        MemoryBlock block = emulator.getMemory().malloc(STATUS_BYTES, false);
        UnidbgPointer status = block.getPointer();
        status.write(0, new byte[STATUS_BYTES], 0, STATUS_BYTES);
        int value = library.callFunction(emulator, PREFIX + function, status).intValue();
        int code = status.getByte(0);
        String message = "";
        if (code != 0) {
            byte[] text = status.getPointer(24).getByteArray(0, (int) status.getLong(16));
            message = new String(text, StandardCharsets.UTF_8);
        }
        block.free();
        return new Outcome(value, code, message);
    }

    /** An ABI that the emulator knows. */
    enum Abi {
        ARM64_V8A("arm64-v8a"),
        ARMEABI_V7A("armeabi-v7a");

        private final String folder;

        Abi(String folder) {
            this.folder = folder;
        }

        boolean is64Bit() {
            return this == ARM64_V8A;
        }

        File file() {
            return new File(System.getProperty("longwire.jni"), folder + "/liblongwire_push.so");
        }
    }
}
