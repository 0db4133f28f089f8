//! The parameters of a request: those of the query and those of the body, the query's first, as servlets merge them.

use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::body::{self, ContentType, Pair};
use crate::extract::read_body;
use crate::fields::{check_characters, shorten};
use crate::problem::{Code, Problem};

/// Bytes of a form, as much as the original's HTTP server takes.
const FORM_BYTES_MAX: usize = 200_000;
/// Character sets that say nothing against UTF-8: what programs declare that have not thought about it.
const CHARSETS: &[&str] = &["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"];

/// The parameters.
#[derive(Debug)]
pub(super) struct Form {
    pairs: Vec<Pair>,
    /// What the body says of its characters, when it is not what everybody can mean.
    charset: Option<String>,
}

impl Form {
    /// Reads a request to its end; gives its head too.
    pub(super) async fn read(request: Request) -> Result<(Parts, Self), Problem> {
        let has_body = request.method() == Method::POST;
        let (parts, body) = request.into_parts();
        let mut pairs = body::urlencoded(parts.uri.query().unwrap_or_default().as_bytes())?;
        let content = ContentType::of(&parts.headers);
        if has_body {
            let mut request = Request::new(body);
            *request.headers_mut() = parts.headers.clone();
            let bytes = read_body(request, FORM_BYTES_MAX).await?;
            if !bytes.is_empty() {
                pairs.extend(body::read(&content, &bytes)?);
            }
        }
        let charset = content.charset.filter(|charset| has_body && !CHARSETS.contains(&charset.as_str()));
        Ok((parts, Self { pairs, charset }))
    }

    #[cfg(test)]
    pub(super) fn of(query: &str) -> Self {
        Self { pairs: body::urlencoded(query.as_bytes()).unwrap_or_default(), charset: None }
    }

    /// A parameter, when it is there: UTF-8 without what XML forbids.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(pair) = self.pairs.iter().find(|pair| pair.name == name && !pair.is_file) else {
            return Ok(None);
        };
        let not_utf8 = |detail: String| {
            Problem::new(Code::Unreadable, detail)
                .with_field(name)
                .with_hint("send the form in UTF-8; GBK and other character sets cannot be told apart from each other")
        };
        if let Some(charset) = &self.charset
            && !pair.value.is_ascii()
        {
            let charset = shorten(charset);
            return Err(not_utf8(format!("the body says that its characters are {charset}, where UTF-8 is needed")));
        }
        let text = std::str::from_utf8(&pair.value)
            .map_err(|error| not_utf8(format!("byte {} does not go on as UTF-8", error.valid_up_to() + 1)))?;
        check_characters(name, text)?;
        Ok(Some(text.to_owned()))
    }

    /// A parameter that has something in it, without the white space around it.
    pub(super) fn word(&self, name: &str) -> Result<Option<String>, Problem> {
        let text = self.text(name)?;
        Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// SHA-256 of what is asked for: of all parameters but the key, which may be another one at the next try.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut add = |bytes: &[u8]| {
            digest.update(bytes.len().to_be_bytes());
            digest.update(bytes);
        };
        for pair in self.pairs.iter().filter(|pair| pair.name != "apiKey") {
            add(pair.name.as_bytes());
            add(&pair.value);
        }
        digest.finalize().into()
    }

    /// Whether a parameter is there, whatever it holds.
    pub(super) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|pair| pair.name == name)
    }

    /// The name of an upload that holds something; a form whose field was left empty uploads nothing.
    pub(super) fn upload(&self) -> Option<&str> {
        self.pairs.iter().find(|pair| pair.is_file && !pair.value.is_empty()).map(|pair| pair.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn form(method: &str, uri: &str, content_type: &str, body: &[u8]) -> Result<Form, Problem> {
        let request = Request::builder().method(method).uri(uri).header("content-type", content_type);
        let request = request.body(Body::from(body.to_vec())).expect("a request");
        Form::read(request).await.map(|(_, form)| form)
    }

    const URLENCODED: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn query_and_body_are_merged_and_the_query_goes_first() {
        let form = form("POST", "/x?action=send&a=1&%E4%BD%A0=q", URLENCODED, "a=2&b=3&title=%20T%20".as_bytes());
        let form = form.await.expect("a form");
        let text = |name: &str| form.text(name).expect("text");
        assert_eq!([text("action"), text("a"), text("b")], ["send", "1", "3"].map(|text| Some(text.to_owned())));
        assert_eq!(
            (text("title").as_deref(), form.word("title").expect("a word").as_deref()),
            (Some(" T "), Some("T"))
        );
        assert!(form.has("你") && text("c").is_none());
    }

    #[test]
    fn a_digest_is_of_the_parameters_wherever_they_end() {
        let digest = |query: &str| Form::of(query).digest();
        assert_eq!(digest("a=1&b=2&apiKey=x"), digest("apiKey=y&a=1&b=%32"));
        for other in ["a=1&b=3", "a=1b&=2", "a=1", "a=1&b=2&c="] {
            assert_ne!(digest("a=1&b=2"), digest(other), "{other}");
        }
    }

    #[tokio::test]
    async fn a_get_has_no_body() {
        let form = form("GET", "/x?a=1", URLENCODED, b"b=2").await.expect("a form");
        assert!(form.has("a") && !form.has("b"));
    }

    #[tokio::test]
    async fn what_is_not_utf8_or_not_xml_is_refused_by_its_field() {
        let refused = async |content_type: &str, body: &[u8]| {
            let form = form("POST", "/x", content_type, body).await.expect("a form");
            let problem = form.text("title").expect_err("refused").document("-");
            serde_json::to_value(problem).expect("JSON")
        };
        for body in [&b"title=%c4%e3%ba%c3"[..], b"title=\xc4\xe3\xba\xc3", b"title=%ED%A0%BD", b"title=%C0%80"] {
            let problem = refused(URLENCODED, body).await;
            assert_eq!(
                (problem["status"].as_u64(), problem["field"].as_str()),
                (Some(400), Some("title")),
                "{problem}"
            );
            assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains("GBK")), "{problem}");
        }
        let gbk = refused("application/x-www-form-urlencoded; charset=GBK", "title=你".as_bytes()).await;
        assert!(gbk["detail"].as_str().is_some_and(|detail| detail.contains("gbk")), "{gbk}");
        for body in ["title=%01", "title=%00", "title=a%0Bb", "title=%EF%BF%BF"] {
            assert_eq!(refused(URLENCODED, body.as_bytes()).await["field"].as_str(), Some("title"));
        }
        let latin = form("POST", "/x", "application/x-www-form-urlencoded; charset=ISO-8859-1", "title=你".as_bytes());
        assert_eq!(latin.await.expect("a form").text("title").expect("text").as_deref(), Some("你"));
    }

    #[tokio::test]
    async fn a_form_is_measured_at_the_limit_and_one_above() {
        let of = async |length: usize| form("POST", "/x", URLENCODED, "a".repeat(length).as_bytes()).await;
        assert!(of(FORM_BYTES_MAX).await.is_ok());
        assert_eq!(of(FORM_BYTES_MAX + 1).await.expect_err("too long").code(), Code::TooLarge);
    }

    #[tokio::test]
    async fn an_upload_is_no_text() {
        let body = |content: &str| {
            let file = "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"";
            format!(
                "--B\r\n{file}\r\n\r\n{content}\r\n--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nT\r\n--B--"
            )
        };
        let of = async |content: &str| {
            form("POST", "/x", "multipart/form-data; boundary=B", body(content).as_bytes()).await.expect("a form")
        };
        let full = of("x").await;
        assert_eq!((full.upload(), full.text("image").expect("no text")), (Some("image"), None));
        assert_eq!(full.text("title").expect("text").as_deref(), Some("T"));
        assert_eq!(of("").await.upload(), None);
    }
}
