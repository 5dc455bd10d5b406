//! The DTLS handshake by rtc-dtls, driven from outside (RFC 5764, RFC 6347).
//!
//! The crate's own repeat interval is fixed and it gives up after seven tries. Here it is 100 ms doubling to 800, and a
//! handshake that gave up is begun anew, six times. It is told one made-up address for the far end, so that a change
//! of pair is nothing to it.

pub(crate) mod assembly;
#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rtc_dtls::{
    cipher_suite::CipherSuiteId,
    config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig, VerifyPeerCertificateFn},
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::{TransportProtocol, error::Error};
use rtc_srtp::{
    config::{Config, LABEL_EXTRACTOR_DTLS_SRTP},
    protection_profile::ProtectionProfile,
};

use self::assembly::{Assembled, Assembly};
use crate::{
    error::PathError,
    event::Security,
    identity::{Fingerprint, Identity},
    provider::Provider,
    srtp::{Keys, Srtp},
};

const FIRST_REPEAT: Duration = Duration::from_millis(100);
const MOST_TRIES: u32 = 6;
/// From a failure to the next try.
const AGAIN: Duration = Duration::from_millis(400);
/// One alert in the clear may be forged, or the confusion of a far end that lost something; so many are a refusal.
const MOST_REFUSALS: u32 = 3;
/// What stands before a fragment in its datagram (RFC 6347 4.1, 4.2.2); the crate counts without it.
const HEADERS: usize = 25;
/// What we offer and take, the best first: forward secrecy and authenticated encryption (RFC 8827 6.5). The crate's own
/// list has CBC too, and lets a client choose it.
const SUITES: [(CipherSuiteId, &str); 3] = [
    (CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
];
/// The address that the crate knows the far end by (RFC 5737).
const FAR_END: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 9));

/// One handshake and what came of it.
pub(crate) struct Dtls {
    provider: Arc<Provider>,
    identity: Arc<Identity>,
    fingerprint: Fingerprint,
    pub(crate) client: bool,
    mtu: usize,
    /// The far end showed a certificate with another fingerprint.
    liar: Arc<AtomicBool>,
    config: Arc<HandshakeConfig>,
    endpoint: Endpoint,
    assembly: Assembly,
    connecting: bool,
    done: bool,
    /// It failed, and begins anew when the time has come.
    broken: bool,
    /// Something encrypted came: the far end has finished too.
    pub(crate) far_end_done: bool,
    due: Option<Instant>,
    seen: Option<Instant>,
    step: u32,
    tries: u32,
    /// Tries that ended with an alert in the clear.
    refusals: u32,
}

impl std::fmt::Debug for Dtls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dtls {{ client: {}, done: {}, tries: {} }}", self.client, self.done, self.tries)
    }
}

/// What a datagram brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing that anybody has to know.
    None,
    /// The keys are agreed.
    Done,
    /// The far end says goodbye.
    Closed,
}

impl Dtls {
    pub(crate) fn new(
        provider: Arc<Provider>,
        identity: Arc<Identity>,
        fingerprint: Fingerprint,
        client: bool,
        mtu: usize,
    ) -> Result<Self, PathError> {
        let liar = Arc::new(AtomicBool::new(false));
        let config = configure(&provider, &identity, &fingerprint, client, mtu, &liar)?;
        let endpoint = endpoint(&config, client);
        Ok(Self {
            provider,
            identity,
            fingerprint,
            client,
            mtu,
            liar,
            config,
            endpoint,
            assembly: Assembly::default(),
            connecting: false,
            done: false,
            broken: false,
            far_end_done: false,
            due: None,
            seen: None,
            step: 0,
            tries: 0,
            refusals: 0,
        })
    }

    /// Sends the first flight, when it is ours to send.
    pub(crate) fn begin(&mut self, now: Instant) {
        if self.client && !self.connecting {
            self.connecting = true;
            let _ = self.endpoint.connect(now, FAR_END, Arc::clone(&self.config), None);
            self.watch(now);
        }
    }

    /// One DTLS datagram.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Result<Progress, PathError> {
        let records = if self.done && self.far_end_done {
            // Both are done, so what comes in the clear is old or forged; the crate would keep each fragment of it.
            assembly::under_keys(datagram)
        } else {
            match self.assembly.take(datagram, self.client, self.done) {
                Assembled::Records(records) => records,
                Assembled::Restarted => {
                    self.renew()?;
                    match self.assembly.take(datagram, self.client, false) {
                        Assembled::Records(records) => records,
                        Assembled::Restarted => Vec::new(),
                    }
                }
            }
        };
        if records.is_empty() {
            return Ok(Progress::None);
        }
        let before = self.done;
        let mut closed = false;
        match self.endpoint.read(now, FAR_END, None, BytesMut::from(&records[..])) {
            Ok(events) => {
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => self.done = true,
                        EndpointEvent::PeerClosed => closed = before,
                        _ => {}
                    }
                }
            }
            // RFC 7675 5.2: under the keys, a fatal alert is a goodbye too.
            Err(Error::ErrAlertFatalOrClose) if before => closed = true,
            Err(_) => self.failed(now)?,
        }
        self.watch(now);
        Ok(if closed {
            Progress::Closed
        } else if self.done && !before {
            Progress::Done
        } else {
            Progress::None
        })
    }

    /// The crate will not go on with this handshake. What it stumbled over may be the echo of a loss, such as an answer
    /// to an earlier try: begin anew a little later, as long as there are tries. The server waits for the client to.
    fn failed(&mut self, now: Instant) -> Result<(), PathError> {
        if self.liar.load(Ordering::Relaxed) {
            return Err(PathError::Fingerprint);
        }
        if !self.done && self.client {
            (self.broken, self.due) = (true, Some(now + AGAIN));
        }
        Ok(())
    }

    fn try_again(&mut self, now: Instant) -> Result<(), PathError> {
        let otherwise = if self.broken { PathError::DtlsRefused } else { PathError::DtlsTimeout };
        self.refusals += u32::from(self.assembly.alerted);
        if self.refusals >= MOST_REFUSALS {
            return Err(PathError::DtlsRefused);
        }
        self.tries += 1;
        if self.tries > MOST_TRIES {
            return Err(otherwise);
        }
        self.renew()?;
        self.begin(now);
        Ok(())
    }

    fn renew(&mut self) -> Result<(), PathError> {
        let (tries, refusals) = (self.tries, self.refusals);
        *self = Self::new(
            Arc::clone(&self.provider),
            Arc::clone(&self.identity),
            self.fingerprint.clone(),
            self.client,
            self.mtu,
        )?;
        (self.tries, self.refusals) = (tries, refusals);
        Ok(())
    }

    /// Sets our own repeat timer whenever the crate has set its.
    fn watch(&mut self, now: Instant) {
        if self.done {
            self.due = None;
        }
        if self.done || self.broken {
            return;
        }
        let theirs = self.endpoint.poll_timeout(&FAR_END);
        if theirs.is_some() && theirs != self.seen {
            if self.seen.is_some() {
                self.step = 0;
            }
            self.seen = theirs;
            self.due = Some(now + FIRST_REPEAT * (1 << self.step.min(3)));
        }
    }

    pub(crate) const fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), PathError> {
        if self.done || self.due.is_none_or(|due| now < due) {
            return Ok(());
        }
        self.step += 1;
        self.due = None;
        // The crate compares with its own deadline, which is ours to keep: it is told that time.
        let theirs = self.endpoint.poll_timeout(&FAR_END).map_or(now, |theirs| theirs.max(now));
        if self.broken || self.endpoint.handle_timeout(FAR_END, theirs).is_err() {
            self.try_again(now)?;
        }
        self.seen = None;
        self.watch(now);
        Ok(())
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.endpoint.poll_transmit().map(|own| own.message.to_vec())
    }

    pub(crate) fn close(&mut self, now: Instant) {
        let _ = self.endpoint.close(now);
    }

    /// The keys (RFC 5764 4.2) and what they are worth.
    pub(crate) fn keys(&self) -> Result<(Srtp, Security), PathError> {
        let state = self.endpoint.get_connection_state(FAR_END).ok_or(PathError::Crypto)?;
        let suite = state.cipher_suite().map(|suite| suite.id());
        let cipher = SUITES.iter().find(|(id, _)| Some(*id) == suite).ok_or(PathError::DtlsRefused)?.1;
        let (profile, srtp) = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => (ProtectionProfile::AeadAes128Gcm, "AEAD_AES_128_GCM"),
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => (ProtectionProfile::AeadAes256Gcm, "AEAD_AES_256_GCM"),
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => {
                (ProtectionProfile::Aes128CmHmacSha1_80, "AES_CM_128_HMAC_SHA1_80")
            }
            _ => return Err(PathError::NoProfile),
        };
        let mut config = Config { profile, ..Config::default() };
        let material = state
            .export_keying_material(LABEL_EXTRACTOR_DTLS_SRTP, &[], config.keying_material_len())
            .map_err(|_| PathError::Crypto)?;
        config.set_session_keys_from_keying_material(material.as_ref(), self.client).map_err(|_| PathError::Crypto)?;
        let keys = Keys {
            local_key: config.keys.local_master_key,
            local_salt: config.keys.local_master_salt,
            remote_key: config.keys.remote_master_key,
            remote_salt: config.keys.remote_master_salt,
        };
        Ok((Srtp::new(keys, profile, Arc::clone(&self.provider))?, Security { srtp, cipher }))
    }
}

fn endpoint(config: &Arc<HandshakeConfig>, client: bool) -> Endpoint {
    Endpoint::new(FAR_END, TransportProtocol::UDP, if client { None } else { Some(Arc::clone(config)) })
}

/// RFC 8827 6.5: certificates are proven by the fingerprints of the signalling and by nothing else; both ends show one.
fn configure(
    provider: &Arc<Provider>,
    identity: &Identity,
    fingerprint: &Fingerprint,
    client: bool,
    mtu: usize,
    liar: &Arc<AtomicBool>,
) -> Result<Arc<HandshakeConfig>, PathError> {
    let (wanted, liar) = (fingerprint.clone(), Arc::clone(liar));
    let verify: VerifyPeerCertificateFn = Arc::new(move |chain, _| match chain.first() {
        Some(own) if wanted.matches(own) => Ok(()),
        _ => {
            liar.store(true, Ordering::Relaxed);
            Err(Error::Other("fingerprint".to_owned()))
        }
    });
    let config = ConfigBuilder::default()
        .with_crypto_provider(Arc::clone(provider) as _)
        .with_certificates(vec![identity.certificate.clone()])
        .with_cipher_suites(SUITES.map(|(id, _)| id).to_vec())
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
        ])
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_extended_master_secret(ExtendedMasterSecretType::Request)
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(verify))
        .with_mtu(mtu.saturating_sub(HEADERS))
        .with_flight_interval(FIRST_REPEAT)
        .build(client, None)
        .map_err(|_| PathError::Crypto)?;
    Ok(Arc::new(config))
}
