package org.androidpn.demoapp;

import android.app.Activity;
import android.os.Bundle;
import android.widget.Button;

import org.androidpn.client.LogUtil;
import org.androidpn.client.ServiceManager;
import org.androidpn.client.test.R;

/** Calls the library as the demo app of the original client does: Java, and nothing that Kotlin would make nicer. */
public class DemoAppActivity extends Activity {

    static final String LOGTAG = LogUtil.makeLogTag(DemoAppActivity.class);

    Button settings;

    ServiceManager serviceManager;

    @Override
    public void onCreate(Bundle savedInstanceState) {
        super.onCreate(savedInstanceState);

        settings = new Button(this);
        settings.setOnClickListener(view -> ServiceManager.viewNotificationSettings(DemoAppActivity.this));
        setContentView(settings);

        serviceManager = new ServiceManager(this);
        serviceManager.setNotificationIcon(R.drawable.notification);
        serviceManager.startService();
    }
}
