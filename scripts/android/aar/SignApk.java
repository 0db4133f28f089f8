// Signs and aligns an APK, and verifies one, as the SDK's apksigner does.
// Usage: SignApk sign UNSIGNED SIGNED KEYSTORE PASSWORD ALIAS | SignApk verify APK

import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import java.io.File;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;

class SignApk {
    /** Pages of 16 KB: what a device with such pages needs to map a library straight from the APK. */
    private static final int PAGE_BYTES = 16 * 1024;

    private static final int MIN_SDK = 24;

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "sign" -> sign(arguments);
            case "verify" -> verify(new File(arguments[1]));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void sign(String[] arguments) throws Exception {
        char[] password = arguments[4].toCharArray();
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(arguments[3])) {
            keys.load(in, password);
        }
        String alias = arguments[5];
        PrivateKey key = (PrivateKey) keys.getKey(alias, password);
        X509Certificate certificate = (X509Certificate) keys.getCertificate(alias);
        ApkSigner.SignerConfig signer = new ApkSigner.SignerConfig.Builder(alias, key, List.of(certificate)).build();
        new ApkSigner.Builder(List.of(signer))
                .setInputApk(new File(arguments[1]))
                .setOutputApk(new File(arguments[2]))
                .setMinSdkVersion(MIN_SDK)
                .setV1SigningEnabled(false)
                .setV2SigningEnabled(true)
                .setV3SigningEnabled(true)
                .setAlignmentPreserved(false)
                .setLibraryPageAlignmentBytes(PAGE_BYTES)
                .build()
                .sign();
    }

    private static void verify(File apk) throws Exception {
        ApkVerifier.Result result = new ApkVerifier.Builder(apk).setMinCheckedPlatformVersion(MIN_SDK).build().verify();
        result.getAllErrors().forEach(error -> System.out.println("error: " + error));
        result.getWarnings().forEach(warning -> System.out.println("warning: " + warning));
        System.out.printf(
                "verified=%s v2=%s v3=%s%n",
                result.isVerified(), result.isVerifiedUsingV2Scheme(), result.isVerifiedUsingV3Scheme());
        if (!result.isVerified()) {
            System.exit(1);
        }
    }
}
