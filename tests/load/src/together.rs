//! Many tasks, some at once.

use anyhow::Context;
use tokio::task::JoinSet;

/// Does a task for each item, at most so many at once; gives what they give, in the order of the items.
///
/// # Errors
/// One of them fails: the others are ended.
pub(crate) async fn together<Item, Given, Task>(
    at_once: usize,
    items: impl IntoIterator<Item = Item>,
    mut task: impl FnMut(Item) -> Task,
) -> anyhow::Result<Vec<Given>>
where
    Given: Send + 'static,
    Task: Future<Output = anyhow::Result<Given>> + Send + 'static,
{
    let (mut tasks, mut given) = (JoinSet::new(), Vec::new());
    for (place, item) in items.into_iter().enumerate() {
        if tasks.len() >= at_once {
            given.extend(next(&mut tasks).await?);
        }
        let task = task(item);
        tasks.spawn(async move { (place, task.await) });
    }
    while let Some(done) = next(&mut tasks).await? {
        given.push(done);
    }
    given.sort_unstable_by_key(|(place, _)| *place);
    Ok(given.into_iter().map(|(_, given)| given).collect())
}

/// What the task gives that ends next, with its place; nothing when all have ended.
async fn next<Given: 'static>(
    tasks: &mut JoinSet<(usize, anyhow::Result<Given>)>,
) -> anyhow::Result<Option<(usize, Given)>> {
    let Some(done) = tasks.join_next().await else { return Ok(None) };
    let (place, given) = done.context("a task panicked")?;
    Ok(Some((place, given?)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::yield_now;

    use super::together;

    #[tokio::test]
    async fn what_is_given_stands_in_the_order_of_the_items() {
        let wait = |turns: usize| async move {
            for _ in 0..turns {
                yield_now().await;
            }
            Ok(turns)
        };
        assert_eq!(together(3, [9, 0, 4, 1], wait).await.expect("none fails"), [9, 0, 4, 1]);
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_may() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = |_| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                yield_now().await;
                running.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            }
        };
        together(3, 0..20, count).await.expect("none fails");
        assert_eq!(most.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn the_first_that_fails_ends_all() {
        let fail = |number| async move {
            anyhow::ensure!(number != 1, "number {number} fails");
            std::future::pending().await
        };
        let failed = together::<_, (), _>(3, 0..20, fail).await;
        assert_eq!(failed.expect_err("one fails").to_string(), "number 1 fails");
    }
}
