//! How many connections there are from each address, so that one client can't take them all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections by the address they come from.
#[derive(Clone, Debug)]
pub(super) struct PerAddress {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max: usize,
}

/// The place of one connection; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: PerAddress,
    address: IpAddr,
}

impl PerAddress {
    pub(super) fn new(max: usize) -> PerAddress {
        PerAddress { counts: Arc::default(), max }
    }

    /// A place for one more connection; `None` if there are as many as may be.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Place { of: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.of.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = counts.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// What counts as one address: whoever has one of IPv6 has the 64 bits behind it, too.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn each_address_has_its_own_places() {
        let per_address = PerAddress::new(2);
        let first = per_address.take(address("192.0.2.1")).expect("a place");
        // The same one, as a listener of IPv6 sees it.
        let second = per_address.take(address("::ffff:192.0.2.1")).expect("a place");
        assert!(per_address.take(address("192.0.2.1")).is_none());
        assert!(per_address.take(address("192.0.2.2")).is_some());
        drop(first);
        let _third = per_address.take(address("192.0.2.1")).expect("a place");
        drop(second);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let per_address = PerAddress::new(1);
        let _first = per_address.take(address("2001:db8::1")).expect("a place");
        assert!(per_address.take(address("2001:db8::ffff:1:2")).is_none());
        assert!(per_address.take(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn addresses_that_are_gone_are_forgotten() {
        let per_address = PerAddress::new(1);
        drop(per_address.take(address("192.0.2.1")));
        assert!(per_address.counts.lock().expect("not poisoned").is_empty());
    }
}
