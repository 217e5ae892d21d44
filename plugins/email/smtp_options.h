/* How a connection to the mail server is protected. */
#ifndef EMAIL_SMTP_OPTIONS_H
#define EMAIL_SMTP_OPTIONS_H

struct smtp_options;

enum smtp_security {
    SMTP_TLS,      /* from the start */
    SMTP_STARTTLS, /* nothing is said before it but EHLO */
    SMTP_LOOPBACK, /* not, since nothing leaves the machine */
    SMTP_PLAIN     /* not, since the operator said so */
};

enum smtp_security smtp_security(const struct smtp_options *options);

#endif
