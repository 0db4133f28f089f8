//! Writes the Kotlin that calls the library: `uniffi-bindgen LIBRARY CRATE OUT`.

#![forbid(unsafe_code)]

use anyhow::Context as _;
use camino::Utf8PathBuf;
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate_with_bindgen_paths};
use uniffi_bindgen::{BindgenPaths, BindgenPathsLayer};

const USAGE: &str =
    "usage: uniffi-bindgen LIBRARY CRATE OUT: the unstripped shared library, the folder of uniffi.toml, where to write";

/// The one crate of the surface: no `cargo metadata` is asked where it is.
struct Root(Utf8PathBuf);

impl BindgenPathsLayer for Root {
    fn get_crate_root(&self, _crate_name: &str) -> Option<Utf8PathBuf> {
        Some(self.0.clone())
    }
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().map(Utf8PathBuf::from).context(USAGE);
    let (source, root, out_dir) = (next()?, next()?, next()?);
    let mut paths = BindgenPaths::default();
    paths.add_layer(Root(root));
    let options = GenerateOptions { languages: vec![TargetLanguage::Kotlin], source, out_dir, ..Default::default() };
    generate_with_bindgen_paths(options, paths).context("failed to write the Kotlin")
}
