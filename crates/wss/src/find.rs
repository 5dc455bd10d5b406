//! Finding the servers of a domain: NAPTR, SRV, A and AAAA (RFC 3263, with the services of RFC 7118 5.5).
//!
//! DNS only says where to connect. TLS is still with the name of the account (CONFORMANCE C27), and an account for `wss`
//! asks for nothing that is not secure (S12), so a name server that lies leads nowhere.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{
        RData, RecordType,
        rdata::{NAPTR, SRV},
    },
};
use rand::Rng;

use crate::{
    connect::{self, Target},
    error::LinkError,
};

/// How many servers are tried, at most.
const MOST: usize = 16;

/// How long one question to a name server may take. It is asked twice, and finding the server may take ten seconds.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Who is asked for the servers of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dns {
    /// The name servers of the system.
    System,
    /// These, for addresses too.
    Servers(Vec<SocketAddr>),
}

/// Where a server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    /// What the URL itself says, with 80 and 443 where it names no port (RFC 7118 5.5).
    pub(crate) fn of(target: &Target) -> Self {
        Self { host: target.host.clone(), port: target.port }
    }
}

impl Dns {
    /// The places of `target`, the best first. A domain without any record of this kind is its own server.
    ///
    /// # Errors
    /// [`LinkError::HostUnknown`] when the domain says that it has no such service, or the system has no name server.
    pub(crate) async fn places(&self, target: &Target, rng: &mut impl Rng) -> Result<Vec<Place>, LinkError> {
        // RFC 3263 4.2: an address, or a port, needs no service.
        if target.explicit || target.host.starts_with('[') || target.host.parse::<IpAddr>().is_ok() {
            return Ok(vec![Place::of(target)]);
        }
        let resolver = match self.resolver() {
            Ok(resolver) => resolver,
            Err(error) => {
                tracing::debug!(%error, "the system names no name server");
                return Ok(vec![Place::of(target)]);
            }
        };
        let domain = format!("{}.", target.host.trim_end_matches('.'));
        // RFC 3263 4.1: without NAPTR the service is asked for by its usual name. Both are asked at once: a name server that
        // knows neither, or answers nobody, costs its patience once.
        let usual = format!("{}._ws.{domain}", if target.secure { "_sips" } else { "_sip" });
        let (naptr, found) = tokio::join!(ask(&resolver, &domain, RecordType::NAPTR), servers(&resolver, &usual));
        let naptr = naptr.into_iter().filter_map(|data| if let RData::NAPTR(own) = data { Some(own) } else { None });
        let services = services(naptr.collect(), target.secure);
        let found = if services.is_empty() {
            vec![found]
        } else {
            futures_util::future::join_all(services.iter().map(|service| servers(&resolver, service))).await
        };
        let mut places = Vec::new();
        for srv in found {
            // RFC 2782: a root as target says that the service is decidedly not offered.
            if let [only] = &srv[..]
                && only.target.is_root()
            {
                return Err(LinkError::HostUnknown("the domain has no such service".to_owned()));
            }
            places.extend(ordered(srv, rng));
        }
        places.truncate(MOST);
        if places.is_empty() { Ok(vec![Place::of(target)]) } else { Ok(places) }
    }

    /// The addresses of a place.
    ///
    /// # Errors
    /// [`LinkError::HostUnknown`].
    pub(crate) async fn addresses(&self, place: &Place) -> Result<Vec<SocketAddr>, LinkError> {
        let Self::Servers(_) = self else { return connect::find(&place.host, place.port).await };
        let found = self.resolver()?.lookup_ip(place.host.as_str()).await;
        let found = found.map_err(|error| LinkError::HostUnknown(error.to_string()))?;
        connect::mixed(found.iter().map(|address| SocketAddr::new(address, place.port)))
    }

    fn resolver(&self) -> Result<TokioResolver, LinkError> {
        let unknown = |error: &dyn std::fmt::Display| LinkError::HostUnknown(error.to_string());
        let mut builder = match self {
            Self::System => TokioResolver::builder_tokio().map_err(|error| unknown(&error))?,
            Self::Servers(servers) => {
                let servers = servers.iter().map(|server| {
                    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                        connection.port = server.port();
                        connection
                    });
                    NameServerConfig::new(server.ip(), true, connections.to_vec())
                });
                let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        builder.options_mut().timeout = PATIENCE;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build().map_err(|error| unknown(&error))
    }
}

/// The servers of a service.
async fn servers(resolver: &TokioResolver, service: &str) -> Vec<SRV> {
    let found = ask(resolver, service, RecordType::SRV).await.into_iter();
    found.filter_map(|data| if let RData::SRV(own) = data { Some(own) } else { None }).collect()
}

/// The records of a name. Where there are none, or no name server answers, the next way is gone.
async fn ask(resolver: &TokioResolver, name: &str, kind: RecordType) -> Vec<RData> {
    match resolver.lookup(name, kind).await {
        Ok(found) => found.answers().iter().map(|record| record.data.clone()).collect(),
        Err(error) => {
            tracing::debug!(name, %kind, %error, "nothing found");
            Vec::new()
        }
    }
}

/// The names of the services that fit, in their order (RFC 3263 4.1, RFC 3403 4.1).
fn services(mut records: Vec<NAPTR>, secure: bool) -> Vec<String> {
    let wanted: &[u8] = if secure { b"SIPS+D2W" } else { b"SIP+D2W" };
    records.retain(|own| {
        own.flags.eq_ignore_ascii_case(b"s") && own.services.eq_ignore_ascii_case(wanted) && own.regexp.is_empty()
    });
    records.sort_by_key(|own| (own.order, own.preference));
    records.iter().map(|own| own.replacement.to_ascii()).collect()
}

/// The servers in the order in which they are to be tried: by priority, and by lot within one (RFC 2782).
fn ordered(mut records: Vec<SRV>, rng: &mut impl Rng) -> Vec<Place> {
    // Those without weight come first, so that they have a small chance.
    records.sort_by_key(|own| (own.priority, own.weight));
    let mut out = Vec::new();
    while let Some(priority) = records.first().map(|own| own.priority) {
        let alike = records.iter().take_while(|own| own.priority == priority);
        let sum: u32 = alike.clone().map(|own| u32::from(own.weight)).sum();
        let lot = rng.random_range(0..=sum);
        let mut running = 0;
        let chosen = alike.clone().position(|own| {
            running += u32::from(own.weight);
            running >= lot
        });
        let own = records.remove(chosen.unwrap_or(0));
        out.push(Place { host: own.target.to_ascii().trim_end_matches('.').to_owned(), port: own.port });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hickory_resolver::proto::rr::Name;
    use rand::SeedableRng;
    use rand_chacha::ChaCha12Rng;

    use super::*;

    fn srv(priority: u16, weight: u16, port: u16) -> SRV {
        SRV::new(priority, weight, port, Name::from_ascii("a.test.").expect("a name"))
    }

    #[test]
    fn servers_come_by_priority_and_within_one_by_weight() {
        let mut rng = ChaCha12Rng::from_seed([7; 32]);
        let records = vec![srv(20, 1, 4), srv(10, 0, 1), srv(10, 30, 3), srv(10, 10, 2)];
        let mut first: BTreeMap<u16, u32> = BTreeMap::new();
        for _ in 0..40_000 {
            let ports: Vec<u16> = ordered(records.clone(), &mut rng).iter().map(|place| place.port).collect();
            let mut sorted = ports.clone();
            sorted.sort_unstable();
            assert!(sorted == [1, 2, 3, 4] && ports[3] == 4, "{ports:?}");
            *first.entry(ports[0]).or_default() += 1;
        }
        // Of 41 lots one is for the server without weight, ten and thirty for the others; five deviations are 500.
        for (port, lots) in [(1, 1), (2, 10), (3, 30)] {
            assert!(first[&port].abs_diff(40_000 * lots / 41) < 500, "{first:?}");
        }
    }

    #[test]
    fn only_the_services_that_fit_are_taken() {
        let naptr = |order, preference, flags: &str, service: &str, to: &str| {
            let bytes = |text: &str| text.as_bytes().into();
            NAPTR::new(
                order,
                preference,
                bytes(flags),
                bytes(service),
                bytes(""),
                Name::from_ascii(to).expect("a name"),
            )
        };
        let records = vec![
            naptr(20, 10, "s", "SIPS+D2W", "late.test."),
            naptr(10, 20, "S", "sips+d2w", "second.test."),
            naptr(10, 10, "s", "SIPS+D2W", "first.test."),
            naptr(1, 1, "s", "SIP+D2W", "plain.test."),
            naptr(1, 1, "s", "SIPS+D2T", "tls.test."),
            naptr(1, 1, "a", "SIPS+D2W", "address.test."),
        ];
        assert_eq!(services(records.clone(), true), ["first.test.", "second.test.", "late.test."]);
        assert_eq!(services(records, false), ["plain.test."]);
    }
}
