package org.longwire.sample

import android.app.Application
import org.longwire.push.Push
import org.longwire.push.PushConfig
import org.longwire.push.Trust

/** The shortest app: everything else is in its manifest. */
class FirstApp : Application() {
    override fun onCreate() {
        super.onCreate()
        Push.configure(this, PushConfig("10.0.2.2:5223", domain = "localhost", trust = Trust.Pin(CERTIFICATE)))
        Push.start()
    }

    private companion object {
        /** openssl x509 -in data/certificate.pem -noout -fingerprint -sha256 */
        const val CERTIFICATE = "A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90:A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90"
    }
}
