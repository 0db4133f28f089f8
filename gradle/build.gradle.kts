// The Android plugin compiles Kotlin itself; the Kotlin plugin on the class path says with which compiler.
buildscript {
    repositories {
        google()
        mavenCentral()
    }
    dependencies {
        classpath(libs.kotlin.gradle.plugin)
    }
}

plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.android.library) apply false
}

// Build outputs lie where cargo's do, outside the sources.
val release: String = libs.versions.longwire.get()
subprojects {
    group = "org.longwire"
    version = release
    layout.buildDirectory = rootDir.resolve("../target/gradle/$name")
}
