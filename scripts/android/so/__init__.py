"""What builds liblongwire_push.so for Android and checks it; the commands are scripts/android/build-so, check-so and host-shim."""
