//! Where samples come from: a directory, or a server by one of its interfaces.

use std::fmt;
use std::path::PathBuf;

use super::directory::DirectorySource;
use super::grpc::GrpcSource;
use super::http::HttpSource;
use super::sample::Sample;
use crate::cli::failure::Failure;
use crate::cli::server_args::LoginArgs;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Directory(PathBuf),
    Http(String),
    Grpc(String),
}

/// Looks at it.
pub(super) enum Source {
    Directory(DirectorySource),
    Http(HttpSource),
    Grpc(GrpcSource),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Directory(dir) => write!(f, "directory {}", dir.display()),
            Place::Http(address) => write!(f, "server {address} (HTTP)"),
            Place::Grpc(address) => write!(f, "server {address} (gRPC)"),
        }
    }
}

impl Source {
    pub(super) fn open(place: &Place, login: &LoginArgs) -> Result<Source, Failure> {
        Ok(match place {
            Place::Directory(dir) => Source::Directory(DirectorySource::open(dir)?),
            Place::Http(address) => Source::Http(HttpSource::new(address, &login.config()?)?),
            Place::Grpc(address) => Source::Grpc(GrpcSource::connect(address, login.config()?)?),
        })
    }

    /// One look.
    pub(super) fn sample(&mut self) -> Result<Sample, Failure> {
        match self {
            Source::Directory(source) => source.sample(),
            Source::Http(source) => source.sample(),
            Source::Grpc(source) => source.sample(),
        }
    }
}
