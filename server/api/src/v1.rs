//! Version 1 of the API: one folder per collection, one file per endpoint.

pub(crate) mod accounts;
pub(crate) mod app_keys;
pub(crate) mod devices;
pub(crate) mod keys;
pub(crate) mod notifications;
pub(crate) mod user_keys;
