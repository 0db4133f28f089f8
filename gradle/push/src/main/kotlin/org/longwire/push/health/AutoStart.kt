package org.longwire.push.health

import android.content.ComponentName
import android.content.Intent

/** The pages of makers who keep apps from starting by themselves. They are not documented; a page that is not there is not offered. */
internal object AutoStart {
    private val pages: Map<String, List<Pair<String, String>>> =
        mapOf(
            "xiaomi" to listOf("com.miui.securitycenter" to "com.miui.permcenter.autostart.AutoStartManagementActivity"),
            "huawei" to
                listOf(
                    "com.huawei.systemmanager" to "com.huawei.systemmanager.startupmgr.ui.StartupNormalAppListActivity",
                    "com.huawei.systemmanager" to "com.huawei.systemmanager.optimize.process.ProtectActivity",
                ),
            "honor" to
                listOf("com.hihonor.systemmanager" to "com.hihonor.systemmanager.startupmgr.ui.StartupNormalAppListActivity"),
            "oppo" to
                listOf(
                    "com.coloros.safecenter" to "com.coloros.safecenter.permission.startup.StartupAppListActivity",
                    "com.coloros.safecenter" to "com.coloros.safecenter.startupapp.StartupAppListActivity",
                    "com.oppo.safe" to "com.oppo.safe.permission.startup.StartupAppListActivity",
                ),
            "vivo" to
                listOf(
                    "com.vivo.permissionmanager" to "com.vivo.permissionmanager.activity.BgStartUpManagerActivity",
                    "com.iqoo.secure" to "com.iqoo.secure.ui.phoneoptimize.BgStartUpManager",
                ),
            "oneplus" to
                listOf("com.oneplus.security" to "com.oneplus.security.chainlaunch.view.ChainLaunchAppListActivity"),
            "letv" to listOf("com.letv.android.letvsafe" to "com.letv.android.letvsafe.AutobootManageActivity"),
            "asus" to listOf("com.asus.mobilemanager" to "com.asus.mobilemanager.autostart.AutoStartActivity"),
        )

    /** Names under which the makers above sell too. */
    private val makers = mapOf("redmi" to "xiaomi", "poco" to "xiaomi", "realme" to "oppo", "iqoo" to "vivo")

    /** The maker's page, when this phone has it. */
    fun page(
        manufacturer: String,
        isResolvable: (Intent) -> Boolean,
    ): Intent? {
        val name = manufacturer.lowercase()
        return pages[makers[name] ?: name]
            .orEmpty()
            .map { (pack, activity) ->
                Intent().setComponent(ComponentName(pack, activity)).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
            }.firstOrNull(isResolvable)
    }
}
