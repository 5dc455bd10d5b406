//! The addresses that this machine can be reached at.

use std::net::IpAddr;

use crate::error::NetError;

/// One address of one interface that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The name the system gives it, for the log.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// Is it the loopback interface? Used only for a server that is on this machine itself (CONFORMANCE S9).
    pub loopback: bool,
}

/// The addresses of all interfaces that are up, IPv4 first, without link-local ones: a peer cannot use those, and an
/// IPv6 one would need a scope (RFC 8445 5.1.1.1).
///
/// # Errors
/// [`NetError::Interfaces`] when the system does not tell.
pub fn interfaces() -> Result<Vec<Interface>, NetError> {
    let mut found: Vec<Interface> = if_addrs::get_if_addrs()
        .map_err(NetError::Interfaces)?
        .into_iter()
        .filter(|interface| interface.is_loopback() || interface.is_oper_up())
        .map(|interface| Interface { address: interface.ip(), loopback: interface.is_loopback(), name: interface.name })
        .filter(|interface| is_usable(interface.address))
        .collect();
    found.sort_by_key(|interface| (interface.address.is_ipv6(), interface.loopback));
    found.dedup_by_key(|interface| interface.address);
    Ok(found)
}

fn is_usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local() && !address.is_unspecified() && !address.is_multicast(),
        IpAddr::V6(address) => !address.is_unicast_link_local() && !address.is_unspecified() && !address.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_loopback_address() {
        let found = interfaces().unwrap();
        assert!(found.iter().any(|interface| interface.loopback && interface.address.is_loopback()), "{found:?}");
    }

    #[test]
    fn an_address_that_no_peer_can_use_is_left_out() {
        for useless in ["169.254.3.4", "0.0.0.0", "224.0.0.1", "fe80::1", "::", "ff02::1"] {
            assert!(!is_usable(useless.parse().unwrap()), "{useless}");
        }
        for usable in ["127.0.0.1", "10.0.0.1", "::1", "fd00::2", "2001:db8::1"] {
            assert!(is_usable(usable.parse().unwrap()), "{usable}");
        }
    }
}
