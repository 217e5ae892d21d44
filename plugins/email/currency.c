#include "currency.h"

#include <string.h>
#include <strings.h>

/* The active codes of ISO 4217 (list one of 2025-01), and ANG, BGN, CUC, HRK, SLL, ZWL, which senders still use. Funds without minor units
 * (XAU, XDR …) are not money that a shop takes. Each code is four bytes with its blank. */
static const char *const codes[] = {
    [0] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ",
    [2] = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
          "CHF "
          "CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
          "HRK "
          "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR "
          "MVR "
          "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
          "SHP "
          "SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG "
          "YER "
          "ZAR ZMW ZWG ZWL ",
    [3] = "BHD IQD JOD KWD LYD OMR TND ",
    [4] = "CLF UYW ",
};

enum { CODE_SIZE = 3 };

int currency_digits(const char *code) {
    if (strlen(code) != CODE_SIZE)
        return -1;
    for (int digits = 0; digits < (int)(sizeof codes / sizeof *codes); digits++)
        for (const char *known = codes[digits]; known && *known; known += CODE_SIZE + 1)
            if (strncasecmp(known, code, CODE_SIZE) == 0)
                return digits;
    return -1;
}
