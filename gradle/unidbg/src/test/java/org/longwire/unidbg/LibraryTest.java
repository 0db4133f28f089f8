package org.longwire.unidbg;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import com.github.unidbg.Module;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.Parameterized;
import org.longwire.unidbg.Phone.Abi;
import org.longwire.unidbg.Phone.Outcome;

/** The files that go into the AAR, loaded and called on the processors that they are for. */
@RunWith(Parameterized.class)
public final class LibraryTest {
    private static final int JNI_VERSION_1_6 = 0x10006;
    /** That of UniFFI 0.30 and later. */
    private static final int CONTRACT = 30;
    /** Digests, key exchange, threads, caught panics: see uniffi-bindings/src/self_test.rs. */
    private static final int ALL_WORKS = 15;

    @Parameterized.Parameters(name = "{0}")
    public static Abi[] abis() {
        return Abi.values();
    }

    @Parameterized.Parameter
    public Abi abi;

    private Phone phone;

    @Before
    public void load() {
        phone = Phone.of(abi);
    }

    @Test
    public void theVirtualMachineLoadsIt() {
        assertEquals(JNI_VERSION_1_6, phone.jniVersion);
    }

    @Test
    public void allThatItMayAskOfTheSystemIsInAndroid6() throws IOException {
        List<String> missing = new ArrayList<>();
        for (String name : new String[] {"libc", "libm", "libdl", "liblog"}) {
            Module system = phone.emulator.getMemory().findModule(name + ".so");
            for (String symbol : Files.readAllLines(Paths.get(System.getProperty("longwire.symbols"), name + ".txt"))) {
                if (!symbol.isEmpty() && !symbol.startsWith("#") && system.findSymbolByName(symbol, false) == null) {
                    missing.add(name + ": " + symbol);
                }
            }
        }
        assertEquals(Collections.emptyList(), missing);
    }

    @Test
    public void kotlinFindsTheContractThatItWasMadeFor() {
        assertEquals(CONTRACT, phone.call("ffi_longwire_push_uniffi_contract_version"));
    }

    @Test
    public void cryptographyThreadsAndUnwindingWork() {
        Outcome outcome = phone.callExported("self_test");
        assertEquals(outcome.message, 0, outcome.code);
        assertEquals(ALL_WORKS, outcome.value);
    }

    @Test
    public void aPanicBecomesAnErrorAndTheNextCallWorks() {
        Outcome panicked = phone.callExported("self_test_panic");
        assertEquals(2, panicked.code);
        assertTrue(panicked.message, panicked.message.contains("asked to panic"));
        assertEquals(0, phone.callExported("self_test").code);
    }
}
