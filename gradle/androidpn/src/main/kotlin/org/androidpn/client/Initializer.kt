package org.androidpn.client

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.net.Uri
import org.longwire.push.Push
import org.longwire.push.PushComponents

/**
 * Runs at the beginning of each process, before `Application.onCreate`: a push after a boot must find the presenter of this library, and an
 * old app has nobody who would say so. An app's own `Push.components`, set in `Application.onCreate`, go before. It provides nothing.
 */
internal class Initializer : ContentProvider() {
    /** Puts the presenter in place. */
    override fun onCreate(): Boolean {
        Push.components = PushComponents(presenter = ::AndroidpnPresenter)
        return true
    }

    /** There is nothing to ask for. */
    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        selectionArgs: Array<String>?,
        sortOrder: String?,
    ): Cursor? = null

    /** There is nothing here. */
    override fun getType(uri: Uri): String? = null

    /** Nothing can be put here. */
    override fun insert(
        uri: Uri,
        values: ContentValues?,
    ): Uri? = null

    /** Nothing can be taken away. */
    override fun delete(
        uri: Uri,
        selection: String?,
        selectionArgs: Array<String>?,
    ): Int = 0

    /** Nothing can be changed. */
    override fun update(
        uri: Uri,
        values: ContentValues?,
        selection: String?,
        selectionArgs: Array<String>?,
    ): Int = 0
}
