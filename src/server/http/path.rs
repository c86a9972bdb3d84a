//! Paths that lead nowhere: one that is only written oddly is redirected to what it means, as the Go
//! original's router does; any other is 404.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};

use super::error::Problem;
use super::request_error::RequestError;

/// Answers any request that no route takes.
pub(super) async fn elsewhere(request: Request) -> Response {
    let path = request.uri().path();
    let cleaned = clean(path);
    if cleaned != path
        && let Some(location) = location(&cleaned, request.uri().query())
    {
        return (StatusCode::MOVED_PERMANENTLY, [(LOCATION, location)]).into_response();
    }
    Problem::from(RequestError::NoSuchPath { path: path.to_owned() }).into_response()
}

fn location(path: &str, query: Option<&str>) -> Option<HeaderValue> {
    let location = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    HeaderValue::try_from(location).ok()
}

/// The path without repeated slashes, `.` and `..`. It starts with one slash, so a redirect to it
/// never leaves the server.
fn clean(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => (),
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut cleaned = format!("/{}", segments.join("/"));
    if path.ends_with('/') && !segments.is_empty() {
        cleaned.push('/');
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_path_has_one_plain_form() {
        for (path, cleaned) in [
            ("/", "/"),
            ("//", "/"),
            ("///", "/"),
            ("/.", "/"),
            ("/nope", "/nope"),
            ("/nope/", "/nope/"),
            ("//evil.example/", "/evil.example/"),
            ("/a//b/../c/./", "/a/c/"),
            ("/../..", "/"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
            assert_eq!(clean(cleaned), cleaned);
        }
    }
}
