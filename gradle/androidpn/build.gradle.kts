plugins {
    alias(libs.plugins.android.library)
    id("maven-publish")
}

android {
    namespace = "org.androidpn.client"
    compileSdk = libs.versions.compile.sdk.get().toInt()

    defaultConfig {
        minSdk = libs.versions.min.sdk.get().toInt()
    }
    compileOptions {
        sourceCompatibility = JavaVersion.toVersion(libs.versions.java.get())
        targetCompatibility = JavaVersion.toVersion(libs.versions.java.get())
    }
    publishing {
        singleVariant("release") {
            withSourcesJar()
            withJavadocJar()
        }
    }
}

dependencies {
    api(project(":push"))
    implementation(libs.annotation)
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "longwire-androidpn"
            afterEvaluate { from(components["release"]) }
        }
    }
    repositories {
        maven {
            name = "target"
            url = uri(rootDir.resolve("../target/gradle/repository"))
        }
    }
}
