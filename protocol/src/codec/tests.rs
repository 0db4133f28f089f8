//! The codec: cuts, cost, limits, restricted XML, round trips.

mod cuts;
mod restricted;
mod round_trip;

use super::{CodecError, Event, Limits, Reader};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
     to='example.com' version='1.0'>";

/// Feeds `pieces` one after the other; runs of whitespace are joined, since a cut may part them.
fn read_pieces<'a>(reader: &mut Reader, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, CodecError> {
    let mut events = Vec::new();
    for mut piece in pieces {
        while let Some(event) = reader.read(&mut piece)? {
            match (event, events.last_mut()) {
                (Event::Whitespace(more), Some(Event::Whitespace(sum))) => *sum += more,
                (event, _) => events.push(event),
            }
        }
        assert!(piece.is_empty(), "all of a piece is taken when more is needed");
    }
    Ok(events)
}

fn read_all(text: impl AsRef<[u8]>) -> Result<Vec<Event>, CodecError> {
    read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), [text.as_ref()])
}

/// What follows the usual header.
fn read_in_stream(text: impl AsRef<[u8]>) -> Result<Vec<Event>, CodecError> {
    let mut events = read_all([HEADER.as_bytes(), text.as_ref()].concat())?;
    events.remove(0);
    Ok(events)
}
