// The project that Android Studio opens. CI builds from pom.xml; README.md beside this file says what was run.

pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositoriesMode.set(RepositoriesMode.FAIL_ON_PROJECT_REPOS)
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "longwire-android"
include(":push", ":androidpn", ":sample")
