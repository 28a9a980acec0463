//! Whether the settings of an upstream's TLS can be meant.

use rustls::pki_types::ServerName;

use super::super::UpstreamTls;
use super::Findings;

pub(super) fn check(found: &mut Findings, field: &str, tls: &UpstreamTls) {
    if let Some(name) = &tls.server_name
        && ServerName::try_from(&**name).is_err()
    {
        let problem = format!("has `{name}`, which is no host name");
        found.add(format!("{field}.tls.server-name"), problem);
    }
    match (&tls.client_certificate, &tls.client_key) {
        (Some(_), None) => {
            let problem = "needs `client-key`, the file of its key";
            found.add(format!("{field}.tls.client-certificate"), problem);
        }
        (None, Some(_)) => {
            let problem = "needs `client-certificate`, the file of what it is the key of";
            found.add(format!("{field}.tls.client-key"), problem);
        }
        _ => {}
    }
}
