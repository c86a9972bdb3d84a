//! Both ends against each other, with authorities and certificates made for each test.

mod authority;
mod clients;
mod connecting;
mod files;
mod handshakes;
mod pair;
mod reloading;
mod sessions;
mod subjects;
