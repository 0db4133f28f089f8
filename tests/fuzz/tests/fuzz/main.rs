//! The fuzz targets on the committed corpora, and our parser beside two others.

mod corpora;
mod differential;
