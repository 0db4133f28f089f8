"""Each check finds what was planted for it, and passes what is right."""

import struct
import tempfile
import unittest
import zipfile
from pathlib import Path

from . import archive, checks, dex, tools

_HEAD = '<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="a.b"><uses-sdk android:minSdkVersion="24" />'
_RIGHT = (
    '<permission android:name="${applicationId}.permission.LONGWIRE_RECEIVE" android:protectionLevel="signature" />'
    '<uses-permission android:name="${applicationId}.permission.LONGWIRE_RECEIVE" />'
    '<application><service android:name=".S" android:exported="false" android:foregroundServiceType="${type}" />'
    '<service android:name=".J" android:exported="true" android:permission="android.permission.BIND_JOB_SERVICE" />'
    '<provider android:name=".P" android:exported="false" android:authorities="${applicationId}.p" /></application>'
)


def _manifest(body):
    return f"{_HEAD}{body}</manifest>"


class LibraryManifest(unittest.TestCase):
    def test_a_right_one_passes(self):
        self.assertEqual(checks.library_manifest(_manifest(_RIGHT)), [])
        self.assertEqual(checks.receive_permission(_manifest(_RIGHT)), [])

    def test_each_planted_fault_is_found(self):
        faults = {
            'exported="false" android:foreground': 'exported="true" android:foreground',
            '.S" android:exported="false"': '.S"',
            '${type}': "dataSync",
            'authorities="${applicationId}.p"': 'authorities="fixed"',
            'permission android:name="${applicationId}.permission.LONGWIRE_RECEIVE" android:p': 'permission android:name="fixed" android:p',
            'protectionLevel="signature"': 'protectionLevel="normal"',
            "<application>": '<uses-permission android:name="android.permission.USE_EXACT_ALARM" /><application>',
        }
        for right, wrong in faults.items():
            text = _manifest(_RIGHT.replace(right, wrong, 1))
            self.assertEqual(len(checks.library_manifest(text)), 1, wrong)

    def test_a_missing_permission_is_found(self):
        self.assertEqual(len(checks.receive_permission(_manifest("<application />"))), 2)


class PushService(unittest.TestCase):
    RIGHT = (
        '<application><service android:name="org.longwire.push.NotificationService" android:foregroundServiceType="${longwireServiceType}"'
        ' android:stopWithTask="false"><property android:name="android.app.PROPERTY_SPECIAL_USE_FGS_SUBTYPE" /></service></application>'
    )

    def test_a_right_one_passes(self):
        self.assertEqual(checks.push_service(_manifest(self.RIGHT)), [])
        merged = self.RIGHT.replace("${longwireServiceType}", "specialUse")
        self.assertEqual(checks.push_service(_manifest(merged), "specialUse"), [])

    def test_each_planted_fault_is_found(self):
        faults = {"${longwireServiceType}": "remoteMessaging", '"false"': '"true"', "SPECIAL_USE": "OTHER_USE", ".NotificationService": ".Other"}
        for right, wrong in faults.items():
            self.assertEqual(len(checks.push_service(_manifest(self.RIGHT.replace(right, wrong)))), 1, wrong)


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def _aar(self, **changed):
        jar = self.folder / "classes.jar"
        archive.write(jar, {changed.pop("cls", "a/b/C.class"): b""})
        held = {
            "AndroidManifest.xml": _manifest(_RIGHT).encode(),
            "classes.jar": jar.read_bytes(),
            "R.txt": b"",
            "public.txt": b"",
            "proguard.txt": b"",
            checks.NOTICES: b"",
            "META-INF/com/android/build/gradle/aar-metadata.properties": b"",
            "jni/x86_64/libl.so": changed.pop("library", b"x"),
        }
        for name in changed.pop("without", ()):
            del held[name]
        archive.write(self.folder / "a.aar", held)
        return checks.aar(self.folder / "a.aar", "a.b", ["x86_64"], "l")

    def test_a_right_aar_passes(self):
        self.assertEqual(self._aar(), [])

    def test_each_fault_of_an_aar_is_found(self):
        for name in ("R.txt", "public.txt", "proguard.txt", checks.NOTICES, "jni/x86_64/libl.so", "classes.jar"):
            self.assertEqual(len(self._aar(without=[name])), 1, name)
        self.assertEqual(len(self._aar(cls="a/b/R$string.class")), 1)
        self.assertEqual(self._aar(library=b"x" * checks.LIBRARY_BYTES_MAX), [])
        self.assertEqual(len(self._aar(library=b"x" * (checks.LIBRARY_BYTES_MAX + 1))), 1)

    def test_the_same_members_give_the_same_bytes(self):
        archive.write(self.folder / "1.zip", {"b": b"1", "a": b"2"})
        archive.write(self.folder / "2.zip", {"a": b"2", "b": b"1"})
        self.assertEqual((self.folder / "1.zip").read_bytes(), (self.folder / "2.zip").read_bytes())

    def test_a_wrong_checksum_is_found(self):
        self.assertEqual(len(checks.checksums(self.folder)), 1)
        path = self.folder / "a.pom"
        path.write_text("<project/>")
        for suffix, digest in archive.digests(path).items():
            path.with_name(f"a.pom.{suffix}").write_text(digest)
        self.assertEqual(checks.checksums(self.folder), [])
        path.write_text("<project />")
        self.assertEqual(len(checks.checksums(self.folder)), 4)

    def test_offsets_of_native_libraries(self):
        def apk(compression, padding):
            with zipfile.ZipFile(self.folder / "a.apk", "w") as held:
                info = zipfile.ZipInfo("lib/x86_64/l.so")
                info.compress_type = compression
                info.extra = struct.pack("<HH", 0xD935, padding) + bytes(padding)
                held.writestr(info, b"content" * 100)
            return checks.native_offsets(self.folder / "a.apk")

        right = 16 * 1024 - 30 - len("lib/x86_64/l.so") - 4
        self.assertEqual(apk(zipfile.ZIP_STORED, right), [])
        self.assertEqual(len(apk(zipfile.ZIP_STORED, right - 1)), 1)
        self.assertEqual(len(apk(zipfile.ZIP_DEFLATED, right)), 1)
        with zipfile.ZipFile(self.folder / "a.apk", "w"):
            pass
        self.assertEqual(len(checks.native_offsets(self.folder / "a.apk")), 1)


class Rest(unittest.TestCase):
    def test_poms(self):
        def pom(group, artifact, version):
            return (
                '<project xmlns="http://maven.apache.org/POM/4.0.0"><dependencies><dependency>'
                f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
                "</dependency></dependencies></project>"
            )

        self.assertEqual(checks.published_pom(pom("androidx.annotation", "annotation-jvm", "1.0")), [])
        self.assertEqual(len(checks.published_pom(pom("androidx.core", "core", "1.0"))), 1)
        self.assertEqual(len(checks.published_pom(pom("a", "b", "${x}"))), 1)

    def test_two_apps(self):
        first = _manifest(_RIGHT.replace("${applicationId}", "one"))
        second = _manifest(_RIGHT.replace("${applicationId}", "two"))
        self.assertEqual(checks.side_by_side(first, second), [])
        self.assertEqual(len(checks.side_by_side(first, first)), 2)

    def test_badging(self):
        text = "package: name='a' v\nminSdkVersion:'24'\nlaunchable-activity: name='x'\nnative-code: 'x86_64'\n"
        self.assertEqual(checks.badging(text, "a", ["x86_64"]), [])
        self.assertEqual(len(checks.badging(text, "b", ["x86_64"])), 1)
        self.assertEqual(len(checks.badging(text, "a", ["x86_64", "arm64-v8a"])), 1)
        self.assertEqual(len(checks.badging(text.replace("24", "25"), "a", ["x86_64"])), 1)

    def test_each_missing_figure_is_found(self):
        names = [name.format(version="1") for name in checks._PACKAGE_FIGURES] + ["  jni/x86_64/liblongwire_push.so, bytes"]
        names += checks._MEASURED_FIGURES
        self.assertEqual(checks.figures(names, "1", ["x86_64"]), [])
        for name in names:
            self.assertEqual(len(checks.figures([one for one in names if one != name], "1", ["x86_64"])), 1, name)
        self.assertEqual(checks.figures(names[:3], "1", ["x86_64"], measured=False), [])
        self.assertEqual(len(checks.figures(names, "1", ["x86_64", "x86"])), 1)

    def test_the_method_count_is_read_from_the_header(self):
        header = bytearray(0x70)
        header[:4] = b"dex\n"
        struct.pack_into("<I", header, 0x58, 1234)
        self.assertEqual(dex.methods(bytes(header)), 1234)
        with self.assertRaises(tools.Failed):
            dex.methods(b"no")


if __name__ == "__main__":
    unittest.main()
