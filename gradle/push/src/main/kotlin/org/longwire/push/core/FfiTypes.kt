package org.longwire.push.core

import org.longwire.push.InboxItem
import org.longwire.push.PushAction
import org.longwire.push.PushException
import org.longwire.push.PushNotification
import org.longwire.push.PushState
import org.longwire.push.Trust
import org.longwire.push.ffi.TlsMode
import org.longwire.push.ffi.ClientCertificate as FfiCertificate
import org.longwire.push.ffi.InboxItem as FfiItem
import org.longwire.push.ffi.PushAction as FfiAction
import org.longwire.push.ffi.PushConfig as FfiConfig
import org.longwire.push.ffi.PushException as FfiException
import org.longwire.push.ffi.PushNotification as FfiNotification
import org.longwire.push.ffi.PushState as FfiState
import org.longwire.push.ffi.Trust as FfiTrust

internal fun CoreConfig.toFfi(): FfiConfig =
    FfiConfig(
        domain = domain,
        host = host,
        port = port?.toUShort(),
        tls = if (isDirectTls) TlsMode.DIRECT else TlsMode.START_TLS,
        appKey = appKey,
        trust =
            when (trust) {
                Trust.System -> FfiTrust.Platform
                is Trust.Certificates -> FfiTrust.Certificates(trust.pem)
                is Trust.Pin -> FfiTrust.Pin(trust.sha256)
            },
        clientCertificate = clientCertificate?.let { FfiCertificate(it.certificates, it.key) },
        software = software,
        bootId = bootId,
        directory = directory,
        heartbeatSeconds = heartbeatSeconds?.toUInt(),
    )

internal fun FfiNotification.toPublic(): PushNotification =
    PushNotification(
        id = id,
        seq = seq.toLong(),
        title = title,
        body = body,
        data = data,
        url = url,
        image = image,
        group = group,
        sound = sound,
        urgency = urgency,
        actions = actions.map { it.toPublic() },
        user = user,
        sentAt = sentAtMs.toLong(),
        receivedAt = receivedAtMs.toLong(),
        expiresAt = expiresAtMs.toLong(),
        isUpdate = isUpdate,
        revision = revision.toLong(),
        attempt = attempt.toInt(),
        isOnce = isOnce,
    )

internal fun FfiItem.toItem(): InboxItem =
    InboxItem(
        notification =
            PushNotification(
                id = id,
                seq = seq.toLong(),
                title = title,
                body = body,
                data = data,
                url = url,
                image = image,
                group = group,
                sound = sound,
                urgency = urgency,
                actions = actions.map { it.toPublic() },
                user = user,
                sentAt = sentAtMs.toLong(),
                receivedAt = receivedAtMs.toLong(),
                expiresAt = expiresAtMs.toLong(),
            ),
        state = state,
    )

private fun FfiAction.toPublic(): PushAction = PushAction(id, title, url, isReply, placeholder)

internal fun FfiState.toPublic(): PushState =
    when (this) {
        is FfiState.Idle -> PushState.Idle
        is FfiState.Waiting -> PushState.Waiting(untilElapsedMs?.toLong(), reason, text)
        is FfiState.Connecting -> PushState.Connecting
        is FfiState.Registering -> PushState.Registering
        is FfiState.LoggingIn -> PushState.LoggingIn
        is FfiState.Online -> PushState.Online(device, user, heartbeatSeconds.toInt())
        is FfiState.Blocked -> PushState.Blocked(reason, text)
    }

internal fun FfiException.toPublic(): PushException {
    val kind =
        when (this) {
            is FfiException.Config -> PushException.Kind.CONFIG
            is FfiException.Storage -> PushException.Kind.STORAGE
            is FfiException.Offline -> PushException.Kind.OFFLINE
            is FfiException.Refused -> PushException.Kind.REFUSED
            is FfiException.Platform -> PushException.Kind.PLATFORM
            is FfiException.Stopped -> PushException.Kind.STOPPED
            is FfiException.Internal -> PushException.Kind.INTERNAL
        }
    val condition = (this as? FfiException.Refused)?.condition
    return PushException(kind, message.orEmpty(), condition, isRetryable(), requiresLogin(), this)
}
