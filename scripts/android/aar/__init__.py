"""Packs the Android library: manifests, resources, archives, the Maven repository."""
