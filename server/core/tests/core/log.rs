//! What waits for the log's writer.

use longwire_store::Write;

use crate::world::World;

#[tokio::test]
async fn a_log_for_whose_writer_much_waits_is_crowded_until_it_has_written() {
    let world = World::new().await;
    let log = &world.core.log;
    // The writer is a task of this thread: it writes nothing before the test waits.
    for _ in 0..8_193 {
        assert!(!log.is_crowded());
        log.post(vec![Write::Alive { app: log.app(), at: world.core.env.now() }], |answer| {
            answer.expect("it is written");
        });
    }
    assert!(log.is_crowded());
    log.settle().await.expect("it is written");
    assert!(!log.is_crowded());
}
