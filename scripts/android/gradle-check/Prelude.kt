// What Gradle's Kotlin DSL adds to Gradle's API, as far as the scripts of gradle/ use it. Signatures alone: nothing here is run.
// A name that Gradle has and this file has not makes the check fail, until it is added here by someone who has looked it up.
@file:Suppress("UNUSED_PARAMETER")

package org.gradle.kotlin.dsl

import org.gradle.api.NamedDomainObjectCollection
import org.gradle.api.NamedDomainObjectContainer
import org.gradle.api.NamedDomainObjectProvider
import org.gradle.api.PolymorphicDomainObjectContainer
import org.gradle.api.Project
import org.gradle.api.Task
import org.gradle.api.artifacts.Dependency
import org.gradle.api.artifacts.dsl.DependencyHandler
import org.gradle.api.artifacts.dsl.RepositoryHandler
import org.gradle.api.file.FileSystemLocation
import org.gradle.api.file.FileSystemLocationProperty
import org.gradle.api.initialization.Settings
import org.gradle.api.initialization.dsl.ScriptHandler
import org.gradle.api.initialization.resolve.DependencyResolutionManagement
import org.gradle.api.plugins.PluginAware
import org.gradle.api.provider.HasMultipleValues
import org.gradle.api.provider.Property
import org.gradle.api.provider.Provider
import org.gradle.api.publish.PublishingExtension
import org.gradle.api.tasks.TaskContainer
import org.gradle.api.tasks.TaskProvider
import org.gradle.plugin.management.PluginManagementSpec
import org.gradle.plugin.use.PluginDependenciesSpec
import org.gradle.plugin.use.PluginDependency
import org.gradle.plugin.use.PluginDependencySpec
import java.io.File

private fun never(): Nothing = throw UnsupportedOperationException("signatures alone")

class DependencyHandlerScope(
    private val handler: DependencyHandler,
) : DependencyHandler by handler

class ScriptHandlerScope(
    private val handler: ScriptHandler,
) : ScriptHandler by handler {
    fun dependencies(block: DependencyHandlerScope.() -> Unit): Unit = never()

    fun repositories(block: RepositoryHandler.() -> Unit): Unit = never()
}

fun DependencyHandlerScope.classpath(notation: Any): Dependency? = never()

fun Project.buildscript(block: ScriptHandlerScope.() -> Unit): Unit = never()

fun Project.plugins(block: PluginDependenciesSpec.() -> Unit): Unit = never()

fun Project.dependencies(block: DependencyHandlerScope.() -> Unit): Unit = never()

fun Project.publishing(block: PublishingExtension.() -> Unit): Unit = never()

fun Settings.pluginManagement(block: PluginManagementSpec.() -> Unit): Unit = never()

fun Settings.dependencyResolutionManagement(block: DependencyResolutionManagement.() -> Unit): Unit = never()

fun PluginDependenciesSpec.alias(notation: Provider<PluginDependency>): PluginDependencySpec = never()

infix fun PluginDependencySpec.version(version: String): PluginDependencySpec = never()

infix fun PluginDependencySpec.apply(apply: Boolean): PluginDependencySpec = never()

inline fun <reified T : Task> TaskContainer.register(
    name: String,
    noinline configuration: T.() -> Unit,
): TaskProvider<T> = register(name, T::class.java, configuration)

inline fun <reified T : Any> PolymorphicDomainObjectContainer<in T>.register(
    name: String,
    noinline configuration: T.() -> Unit,
): NamedDomainObjectProvider<T> = throw UnsupportedOperationException("signatures alone")

operator fun <T : Any> NamedDomainObjectCollection<T>.get(name: String): T = getByName(name)

operator fun <T : Any, C : NamedDomainObjectContainer<T>> C.invoke(configuration: C.() -> Unit): C = never()

fun <T : Any> Property<T>.assign(value: T?): Unit = never()

fun <T : Any> Property<T>.assign(value: Provider<out T?>): Unit = never()

fun <T : FileSystemLocation> FileSystemLocationProperty<T>.assign(file: File?): Unit = never()

fun <T : Any> HasMultipleValues<T>.assign(elements: Iterable<T?>?): Unit = never()
