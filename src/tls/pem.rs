//! Certificates and keys of files: read, or what is wrong with the file, and what to do.

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::plan::Identity;

/// The certificates of a file that `flag` names. At least one.
///
/// # Errors
/// One line: what the file has instead.
pub(super) fn certificates(flag: &str, file: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let file = text(flag, file, "x509")?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) if has(file, "PRIVATE KEY") => {
            Err(format!("{flag}: the file has a private key and no certificate: give the certificate's file (PEM)"))
        }
        Ok(_) if has(file, "TRUSTED CERTIFICATE") => Err(format!(
            "{flag}: this is OpenSSL's own form of a certificate: convert it with openssl x509 -in FILE -out cert.pem"
        )),
        Ok(_) => Err(format!("{flag}: no certificate in the file: it has to have one in PEM")),
        Err(e) => Err(format!("{flag}: not a PEM certificate: {}", fault(&e))),
    }
}

/// The chain and the key of `--cert` and `--key`.
///
/// # Errors
/// One line: what is wrong with which of the files.
pub(super) fn identity(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    Ok((certificates("--cert", &identity.chain)?, key(&identity.key)?))
}

fn key(file: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let file = text("--key", file, "pkey")?;
    // What an old key says of its encryption stands where others have base64.
    if has(file, "ENCRYPTED PRIVATE KEY") || find(file, b"Proc-Type: 4,ENCRYPTED") {
        return Err("--key: the private key is encrypted, and no password is asked for: decrypt it first, with \
                    openssl pkey -in KEY -out decrypted.pem"
            .into());
    }
    PrivateKeyDer::from_pem_slice(file).map_err(|e| {
        if has(file, "OPENSSH PRIVATE KEY") {
            "--key: this is a key of OpenSSH: convert a copy of it with ssh-keygen -p -m pkcs8 -f COPY".into()
        } else if has(file, "PRIVATE KEY") {
            format!("--key: not a PEM private key: {}", fault(&e))
        } else if has(file, "PUBLIC KEY") {
            "--key: the file has a public key: give the private key (PEM)".into()
        } else if has(file, "CERTIFICATE") {
            "--key: the file has a certificate and no private key: give the key's file (PEM)".into()
        } else {
            format!("--key: no private key in the file: it has to have one in PEM ({})", fault(&e))
        }
    })
}

/// What is wrong, where rustls would print the file's bytes as numbers.
fn fault(error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { .. } => "the file ends in the middle of it, before its line '-----END'".into(),
        Error::IllegalSectionStart { .. } => "its line '-----BEGIN' does not end with five dashes".into(),
        other => other.to_string(),
    }
}

/// What is PEM, as far as its beginning tells. `tool` of openssl converts the binary form to it.
fn text<'a>(flag: &str, file: &'a [u8], tool: &str) -> Result<&'a [u8], String> {
    if file.trim_ascii().is_empty() {
        return Err(format!("{flag}: the file is empty"));
    }
    // A SEQUENCE, in which PKCS#12 has its version first: INTEGER 3 (RFC 7292, 4; X.690, 8.1.3).
    if let [0x30, length, rest @ ..] = file
        && !find(file, b"-----BEGIN ")
    {
        let rest = rest.get(if *length > 0x80 { usize::from(length & 0x7f) } else { 0 }..).unwrap_or_default();
        return Err(if rest.starts_with(&[2, 1, 3]) {
            format!("{flag}: this is PKCS#12, not PEM: convert it with openssl pkcs12 -in FILE -nodes -out both.pem")
        } else {
            format!("{flag}: this is DER, not PEM: convert it with openssl {tool} -inform der -in FILE -out file.pem")
        });
    }
    // Some editors put a mark of UTF-8 before the first line.
    Ok(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file))
}

/// A section of this kind begins somewhere.
fn has(file: &[u8], kind: &str) -> bool {
    let begins = file.split(|&byte| byte == b'\n').filter_map(|line| line.trim_ascii().strip_prefix(b"-----BEGIN "));
    begins.filter_map(|line| line.strip_suffix(b"-----")).any(|label| label.ends_with(kind.as_bytes()))
}

fn find(file: &[u8], text: &[u8]) -> bool {
    file.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair};

    fn pem(label: &str, inside: &str) -> String {
        format!("-----BEGIN {label}-----\n{inside}AAAA\n-----END {label}-----\n")
    }

    #[test]
    fn what_a_file_has_instead_of_a_key_or_a_certificate_is_said() {
        let pair = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["client".into()]).unwrap().self_signed(&pair).unwrap();
        let (cert, key) = (certificate.pem(), pair.serialize_pem());
        let of = |chain: &[u8], key: &[u8]| identity(&Identity { chain: chain.to_vec(), key: key.to_vec() }).map(drop);
        let marked = format!("\u{feff}{cert}");
        let both = format!("{cert}{key}");
        let with_parameters = format!("{}{key}", pem("EC PARAMETERS", ""));
        for (chain, key) in [(&cert, &key), (&marked, &key), (&both, &both), (&cert, &with_parameters)] {
            assert_eq!(of(chain.as_bytes(), key.as_bytes()), Ok(()));
        }
        let legacy = pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n");
        for (file, why) in [
            (pem("ENCRYPTED PRIVATE KEY", "").as_bytes(), "is encrypted"),
            (legacy.as_bytes(), "openssl pkey -in KEY"),
            (cert.as_bytes(), "a certificate and no private key"),
            (pem("PUBLIC KEY", "").as_bytes(), "a public key"),
            (pem("OPENSSH PRIVATE KEY", "").as_bytes(), "ssh-keygen"),
            (&pair.serialize_der(), "openssl pkey -inform der"),
            (b"0\x82\x01\x00\x02\x01\x03", "PKCS#12"),
            (b" \r\n", "is empty"),
            (b"key", "no private key"),
            (&key.as_bytes()[..key.len() / 2], "before its line '-----END'"),
            (key.replacen("KEY-----", "KEY--", 1).as_bytes(), "five dashes"),
        ] {
            let error = of(cert.as_bytes(), file).unwrap_err();
            assert!(error.starts_with("--key: ") && error.contains(why) && !error.contains('\n'), "{error}");
        }
        for (file, why) in [
            (key.as_bytes(), "a private key and no certificate"),
            (certificate.der().as_ref(), "openssl x509 -inform der"),
            (pem("TRUSTED CERTIFICATE", "").as_bytes(), "openssl x509 -in"),
            (b"", "is empty"),
            (b"cert", "no certificate"),
            (&cert.as_bytes()[..cert.len() / 2], "before its line '-----END'"),
        ] {
            let error = of(file, key.as_bytes()).unwrap_err();
            assert!(error.starts_with("--cert: ") && error.contains(why) && !error.contains('\n'), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics_or_makes_two_lines_of_an_error(
            file in prop::collection::vec(any::<u8>(), 0..40),
            label in "[A-Z ]{0,9}(PRIVATE KEY|CERTIFICATE)?",
        ) {
            for file in [&[&[0x30][..], &file].concat(), &file, &pem(&label, &String::from_utf8_lossy(&file)).into_bytes()] {
                for error in [key(file).err(), certificates("--cert", file).err()].into_iter().flatten() {
                    prop_assert!(!error.contains(['\r', '\n']), "{error:?}");
                }
            }
        }
    }
}
