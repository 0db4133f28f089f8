//! Stanzas as they are sent, and what becomes of them by chance: pieces doubled, left out, exchanged, and put in from a list of what has
//! confused parsers before. The same number gives the same text, always.

/// What is changed: one of each kind that this server and its clients send.
pub const STANZAS: &[&str] = &[
    "<message to='bob@example.com' id='m1' type='chat' xml:lang='de'><body>Grüße &amp; more &lt;3</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
    "<message from='example.com' id='0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b' type='headline'><entry xmlns='urn:longwire:push:1' seq='4712' lane='normal' expires='2026-12-01T12:00:00Z'><json xmlns='urn:xmpp:json:0'>{\"title\":\"Door\",\"body\":\"Bell\"}</json></entry></message>",
    "<iq type='get' id='p1'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>",
    "<iq type='result' id='d1' from='example.com'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='im' name='Longwire'/><feature var='urn:xmpp:ping'/></query></iq>",
    "<iq type=\"error\" id=\"e1\"><error type=\"cancel\"><item-not-found xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/><text xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\" xml:lang=\"en\">gone</text></error></iq>",
    "<presence><show>away</show><status>a\tb\r\nc</status><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v='/></presence>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>",
    "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-256'><initial-response>biwsbj11c2Vy</initial-response><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/><bind xmlns='urn:xmpp:bind:0'><tag>longwire</tag></bind></authenticate>",
    "<ack xmlns='urn:longwire:push:1' normal='4712' stored='4710 4712'/>",
    "<x:y xmlns:x='urn:x' x:z='1' z='2'>t<x:w/><![CDATA[<a>]]]]><![CDATA[>&amp;]]></x:y>",
    "<message><a xmlns='urn:a' xmlns:p='urn:p'><p:b p:c='1' c='2'><d xmlns=''/></p:b></a> &#x1F600;&#233;&quot;&apos;&gt;</message>",
];

const PIECES: &[&str] = &[
    "<",
    ">",
    "/>",
    "</",
    "</a>",
    "<a>",
    "<a/>",
    "<p:y/>",
    "<stream:x/>",
    "</message>",
    "</stream:stream>",
    "&",
    "&amp;",
    "&lt;",
    "&#x41;",
    "&#65;",
    "&#0;",
    "&#xFFFE;",
    "&#x110000;",
    "&#xD800;",
    "&nbsp;",
    "&#xA;",
    "&#9;",
    "]]>",
    "<![CDATA[",
    "<![CDATA[x]]>",
    "<!--",
    "-->",
    "<?xml version='1.0'?>",
    "<?pi x?>",
    "<!DOCTYPE a>",
    "'",
    "\"",
    "=",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    ":",
    "-",
    "/",
    " a='1'",
    " a=\"<\"",
    " a='&lt;'",
    " xmlns='urn:x'",
    " xmlns=''",
    " xmlns:p='urn:p'",
    " xmlns:p=''",
    " xmlns:q='urn:p'",
    " p:a='1'",
    " q:a='1'",
    " xml:lang='de'",
    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    " xmlns:p='http://www.w3.org/2000/xmlns/'",
    " xmlns='u v'",
    " xmlns:xmlns='u'",
    "é",
    "ß",
    "\u{16a0}",
    "\u{200c}",
    "\u{b7}",
    "\u{300}",
    "\u{feff}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{1f600}",
    "\0",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "x",
    "7",
];

/// `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 when that is 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.draw() % end).unwrap_or_default()
    }

    fn one_of<T: Copy>(&mut self, list: &[T], otherwise: T) -> T {
        list.get(self.below(list.len())).copied().unwrap_or(otherwise)
    }
}

/// The text of this number: one or two stanzas with up to four changes; every eighth is left as it is.
#[must_use]
pub fn text(number: u64) -> Vec<u8> {
    let mut chance = Chance(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut text = chance.one_of(STANZAS, "").as_bytes().to_vec();
    if chance.below(4) == 0 {
        text.extend_from_slice(chance.one_of(STANZAS, "").as_bytes());
    }
    let changes = if chance.below(8) == 0 { 0 } else { 1 + chance.below(4) };
    for _ in 0..changes {
        change(&mut text, &mut chance);
    }
    text
}

fn change(text: &mut Vec<u8>, chance: &mut Chance) {
    let (at, length) = (place(text, chance), chance.below(24));
    let end = text.len().min(at + length);
    match chance.below(8) {
        // Inside a start tag what is put in has most often a meaning.
        0..=3 => {
            let piece = chance.one_of(PIECES, "").bytes();
            text.splice(at..at, piece).for_each(drop);
        }
        4 => text.drain(at..end).for_each(drop),
        5 => {
            let doubled = text.get(at..end).unwrap_or_default().to_vec();
            text.splice(at..at, doubled).for_each(drop);
        }
        6 => {
            let moved: Vec<u8> = text.drain(at..end).collect();
            let to = place(text, chance);
            text.splice(to..to, moved).for_each(drop);
        }
        _ => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
    }
}

/// A place in a text: anywhere, or more often where something ends.
fn place(text: &[u8], chance: &mut Chance) -> usize {
    let at = chance.below(text.len() + 1);
    if chance.below(3) == 0 {
        return at;
    }
    let is_edge = |byte: &u8| matches!(byte, b'<' | b'>' | b' ' | b'\'' | b'"' | b'&' | b'=');
    text.iter().skip(at).position(is_edge).map_or(at, |distance| at + distance)
}
