//! From the start of the process to the first `<stream:features>` (the first answer, of those that speak something else), with a store
//! that is there already.

use super::Scale;
use crate::reading::{Reading, Row};
use crate::target::Site;

pub(super) async fn measure(site: &Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut own = Site::new(site.target, scale.start_rest)?;
    drop(own.start(1).await?);
    let began_in = own.start_again()?.began_in;
    let row = Row::new("cold start to the first features", "ms").must("≤ 20").floor(2.0);
    Ok(vec![row.is(began_in.as_secs_f64() * 1_000.0)])
}
