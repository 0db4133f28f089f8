//! The rules by which our parser refuses what rxml accepts: each with where it comes from, and an example that is held against both.

/// What our parser says of a text after which the stream is not over.
pub const UNFINISHED: &str = "the stream is not over";

/// A rule.
pub struct Rule {
    /// What our parser says of it.
    pub reason: &'static str,
    /// Where it comes from.
    pub from: &'static str,
    /// A text that rxml accepts and our parser refuses for this reason.
    pub example: fn() -> String,
    /// Whether it can be what a text is refused for.
    fits: fn(&str) -> bool,
}

/// All of them.
pub static RULES: &[Rule] = &[
    Rule {
        reason: "text between first-level elements",
        from: "RFC 6120 §4.9.3.1 and §11.7: between stanzas there is whitespace and nothing else",
        example: || "<iq/>x".to_owned(),
        fits: |_| true,
    },
    Rule {
        reason: "elements are nested too deeply",
        from: "Limits::depth, 32: what is built of a stanza is built without recursion, what reads it may recurse",
        example: || format!("{}{}", "<a>".repeat(33), "</a>".repeat(33)),
        fits: |text| text.matches('<').count() > 32,
    },
    Rule {
        reason: "an element has too many attributes",
        from: "Limits::attributes, 64: finding a repeated one looks at each",
        example: || format!("<a{}/>", (0..65).map(|n| format!(" a{n}=''")).collect::<String>()),
        fits: |text| text.matches('=').count() >= 32,
    },
    Rule {
        reason: "too many namespace declarations",
        from: "64 in scope: resolving a prefix looks at each",
        example: || {
            let declare = |level: usize| (0..40).map(|n| format!(" xmlns:p{level}x{n}='u'")).collect::<String>();
            format!("<a{}><b{}/></a>", declare(0), declare(1))
        },
        fits: |text| text.matches("xmlns:").count() > 32,
    },
    Rule {
        reason: "namespaces that multiply",
        from: "each element of a tree knows its namespace: what a short prefix stands for is counted where it stands",
        example: || format!("<a xmlns:p='urn:{}'>{}</a>", "x".repeat(6_000), "<p:a/>".repeat(400)),
        fits: |text| text.contains("xmlns"),
    },
    Rule {
        reason: "the element is too large",
        from: "Limits::element_bytes, 256 KiB after login (DESIGN §5)",
        example: || format!("<a>{}</a>", "<b>x</b>".repeat(40_000)),
        fits: |text| text.len() > 16 * 1024,
    },
    Rule {
        reason: "whitespace in a namespace, which is no URI then",
        from: "Namespaces in XML 1.0 §2.2: parsers that separate namespace and name by a space would read another name",
        example: || "<a xmlns='u v'/>".to_owned(),
        fits: |text| text.contains("xmlns"),
    },
    Rule {
        reason: "a repeated attribute",
        from: "XML 1.0 §3.1: rxml forgets an empty default namespace, and takes a second declaration of it for the first",
        example: || "<a xmlns='' xmlns='urn:x'/>".to_owned(),
        fits: |text| text.matches("xmlns=").count() > 1,
    },
    Rule {
        reason: "a reserved or empty namespace",
        from: "Namespaces in XML 1.0 §3: no prefix stands for the namespace of xmlns",
        example: || "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>".to_owned(),
        fits: |text| text.contains("http://www.w3.org/"),
    },
    Rule {
        reason: "no markup after <",
        from: "names have the letters that every edition of XML 1.0 has: of others no two parsers agree",
        example: || "<\u{16a0}/>".to_owned(),
        fits: has_rare_letter,
    },
    Rule {
        reason: "a malformed start tag",
        from: "as above, within an element's name or at the beginning of an attribute's",
        example: || "<a\u{200c}/>".to_owned(),
        fits: has_rare_letter,
    },
    Rule {
        reason: "a malformed attribute",
        from: "as above, within an attribute's name",
        example: || "<a b\u{200c}=''/>".to_owned(),
        fits: has_rare_letter,
    },
];

/// The rule on which a text is refused for this reason.
#[must_use]
pub fn of(reason: &str, text: &[u8]) -> Option<&'static Rule> {
    let text = std::str::from_utf8(text).ok()?;
    RULES.iter().find(|rule| rule.reason == reason && (rule.fits)(text))
}

/// Whether rxml may read another text than everybody: it loses or refuses a carriage return in the value of an attribute, which is a space
/// (XML 1.0 §2.11 and §3.3.3). What expat reads is held against ours there too.
#[must_use]
pub fn is_misread_by_rxml(text: &[u8]) -> bool {
    text.contains(&b'\r')
}

/// Whether a letter stands in it that only the fifth edition of XML 1.0 admits in names, or that is rare.
fn has_rare_letter(text: &str) -> bool {
    text.chars().any(|c| c > '\u{b7}')
}
