//! The opening handshake (RFC 6455 4.1, RFC 7118 4.1).

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error,
        client::IntoClientRequest,
        error::ProtocolError,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};
use url::Url;

use crate::{connect::Target, error::LinkError};

/// Servers never send fragments, so one limit holds for frames and messages (C52).
const LARGEST: usize = 256 * 1024;
/// How long a handshake may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks the server for a WebSocket that carries SIP.
///
/// # Errors
/// [`LinkError::WebsocketRefused`], [`LinkError::SubprotocolMissing`], [`LinkError::ConnectTimeout`].
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    url: &Url,
    target: &Target,
    origin: Option<&str>,
    user_agent: &str,
) -> Result<WebSocketStream<S>, LinkError> {
    let refused = |detail: &str| LinkError::WebsocketRefused { status: None, detail: detail.to_owned() };
    let mut request = url.as_str().into_client_request().map_err(|error| LinkError::BadUrl(error.to_string()))?;
    // W1: OpenSIPS wants an Origin, any will do.
    let origin = origin
        .map_or_else(|| format!("{}://{}", if target.secure { "https" } else { "http" }, target.host), str::to_owned);
    let headers = request.headers_mut();
    headers.insert(
        header::ORIGIN,
        HeaderValue::from_str(&origin).map_err(|_| LinkError::BadUrl("the origin is none".to_owned()))?,
    );
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("sip"));
    headers
        .insert(header::USER_AGENT, HeaderValue::from_str(user_agent).unwrap_or(HeaderValue::from_static("Bellbird")));
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let asked = timeout(LIMIT, client_async_with_config(request, stream, Some(config))).await;
    let (socket, response) =
        asked.map_err(|_| LinkError::ConnectTimeout("open the WebSocket"))?.map_err(|error| match error {
            Error::Http(response) => {
                LinkError::WebsocketRefused { status: Some(response.status().as_u16()), detail: String::new() }
            }
            Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => LinkError::SubprotocolMissing,
            other => refused(&other.to_string()),
        })?;
    // RFC 6455 4.1: an extension that was not asked for fails the connection, and none was.
    if response.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        return Err(refused("the server uses an extension that was not asked for"));
    }
    if response.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().count() != 1 {
        return Err(LinkError::SubprotocolMissing);
    }
    Ok(socket)
}
