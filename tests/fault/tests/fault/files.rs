//! F24: no file is left for another connection, nothing is there to accept after all, and a send finds no buffer.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::ensure;
use longwire_fault::footprint::load_percent;
use longwire_fault::{Bench, Need, Terms, run};
use longwire_test_support::wait::{now, pause};
use longwire_test_support::{SOON, Tracer};

use crate::SETTLED;

/// How long no file is left, and how often in a second it may be asked for one meanwhile: by each of three listeners, ten times.
const WITHOUT_FILES: Duration = Duration::from_secs(3);
const ASKED_PER_SECOND_MAX: u64 = 40;

#[test]
fn f24_no_files_left_is_waited_out_without_a_spin() -> anyhow::Result<()> {
    run("F24", "EMFILE from accept", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        bench.add_phone()?;
        bench.mark_level()?;
        let trace = bench.place.path().join("accepts");
        let options = ["-e", "trace=accept4", "-e", "inject=accept4:error=EMFILE:when=1+", "-o"];
        let trace_text = trace.to_string_lossy().into_owned();
        let began = now();
        let tracer = Tracer::attach(bench.server.id(), &[&options[..], &[trace_text.as_str()]].concat())?;
        // Somebody waits at each door.
        let waiting =
            [&bench.server.ready.c2s, &bench.server.ready.c2s_tls, &bench.server.ready.http].map(TcpStream::connect);
        let (percent, ()) = load_percent(bench.server.id(), || {
            pause(WITHOUT_FILES);
            Ok(())
        })?;
        tracer.detach()?;
        // On a busy machine it takes longer to attach and to let go.
        let seconds = began.elapsed().as_secs() + 1;
        let asked = fs::read_to_string(&trace)?.lines().filter(|line| line.contains("EMFILE")).count() as u64;
        case.figure("accepts that found no file", asked);
        case.figure("cpu_percent", percent);
        ensure!(asked > 0, "nothing was accepted at all");
        ensure!(asked <= ASKED_PER_SECOND_MAX * seconds, "{asked} accepts in {seconds} s: a spin");
        drop(waiting);
        // It recovers by itself.
        bench.add_phone()?;
        let sending = bench.load("files", &Terms::default());
        let (posted, _) = sending.finish()?;
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("with files again", &verdict)
    })
}

#[test]
fn f24_an_accept_that_finds_nothing_keeps_nobody_out() -> anyhow::Result<()> {
    run("F24", "EAGAIN from accept", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        let phone = bench.add_phone()?;
        bench.mark_level()?;
        bench.phone(phone)?.terminate(SOON)?;
        let tracer = Tracer::inject::<&str>(bench.server.id(), "accept4:error=EAGAIN:when=1..2", &[])?;
        bench.phone(phone)?.start_again()?;
        // Who was passed over comes in with the next.
        for _ in 0..4 {
            drop(TcpStream::connect(&bench.server.ready.c2s_tls)?);
            pause(Duration::from_millis(100));
        }
        bench.phone(phone)?.online()?;
        case.figure("accepts that found nothing", tracer.detach_struck()?);
        bench.add_phone()?;
        let (posted, _) = bench.load("again", &Terms::default()).finish()?;
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("afterwards", &verdict)
    })
}

#[test]
fn f24_a_send_without_a_buffer_loses_nothing() -> anyhow::Result<()> {
    run("F24", "ENOBUFS from send", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(3))?;
        bench.mark_level()?;
        let sockets = "sendto,sendmsg,writev:error=ENOBUFS:when=4+9";
        let tracer = Tracer::inject::<&str>(bench.server.id(), sockets, &[])?;
        let sending = bench.load("buffers", &Terms { count: 60, senders: 4, ..Terms::default() });
        sending.wait_for(60)?;
        let (_, unanswered) = sending.met();
        case.figure("posts without an answer", unanswered);
        let (posted, _) = sending.finish()?;
        bench.enter(posted);
        ensure!(bench.server.is_running(), "it ended: {}", bench.server.log());
        case.figure("sends without a buffer", tracer.detach_struck()?);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("with buffers again", &verdict)
    })
}
