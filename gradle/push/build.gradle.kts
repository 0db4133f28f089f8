plugins {
    alias(libs.plugins.android.library)
    id("maven-publish")
}

val repositoryRoot: File = rootDir.resolve("..")
val generated: File = repositoryRoot.resolve("target/android")

// Rust's part: the Kotlin that calls it, and the libraries per ABI. Both scripts do nothing when nothing has changed.
val kotlinBindings =
    tasks.register<Exec>("kotlinBindings") {
        description = "Writes UniFFI's Kotlin from the host build of uniffi-bindings."
        workingDir = repositoryRoot
        commandLine("scripts/android/kotlin-bindings")
    }
val nativeLibraries =
    tasks.register<Exec>("nativeLibraries") {
        description = "Builds liblongwire_push.so for every ABI."
        workingDir = repositoryRoot
        commandLine("scripts/android/build-so")
    }
val notices =
    tasks.register<Exec>("notices") {
        description = "Writes the licences of what the libraries are made of."
        workingDir = repositoryRoot
        commandLine("scripts/android/notices")
    }
tasks.named("preBuild") { dependsOn(kotlinBindings, nativeLibraries, notices) }

android {
    namespace = "org.longwire.push"
    compileSdk = libs.versions.compile.sdk.get().toInt()

    defaultConfig {
        minSdk = libs.versions.min.sdk.get().toInt()
        consumerProguardFiles("consumer-rules.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.toVersion(libs.versions.java.get())
        targetCompatibility = JavaVersion.toVersion(libs.versions.java.get())
    }
    sourceSets.named("main") {
        kotlin.directories.add(generated.resolve("kotlin").path)
        jniLibs.directories.add(generated.resolve("jni").path)
        assets.directories.add(generated.resolve("assets").path)
    }
    testOptions {
        unitTests {
            isIncludeAndroidResources = true
            all {
                it.systemProperty("jna.library.path", repositoryRoot.resolve("target/release").path)
                it.systemProperty("jna.nosys", "true")
                it.jvmArgs("--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED")
            }
        }
    }
    publishing {
        singleVariant("release") {
            withSourcesJar()
            withJavadocJar()
        }
    }
}

dependencies {
    api(libs.kotlin.stdlib)
    api(libs.coroutines.core)
    implementation(variantOf(libs.jna) { artifactType("aar") })
    implementation(libs.annotation)

    testImplementation(libs.jna)
    testImplementation(libs.junit)
    testImplementation(libs.robolectric)
    testImplementation(libs.kotlin.test.junit)
    testImplementation(libs.coroutines.test)
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "longwire-push"
            afterEvaluate { from(components["release"]) }
        }
    }
    repositories {
        maven {
            name = "target"
            url = uri(repositoryRoot.resolve("target/gradle/repository"))
        }
    }
}
