#include "receive/crowd.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct address {
    struct crowd_key key;
    int64_t count;
    struct address *next; /* in its bucket, or among the unused ones */
};

/* As many addresses as there can be connections, all made at once: an attack brings no allocation, and none that could fail. */
struct crowd {
    uint64_t seed; /* so that nobody can choose addresses that all fall into one bucket */
    size_t mask;
    struct address **buckets, *addresses, *unused;
};

struct crowd *crowd_make(size_t connections) {
    struct crowd *crowd = calloc(1, sizeof(*crowd));
    size_t buckets = 16;
    while (buckets < connections)
        buckets *= 2;
    if (crowd == NULL)
        return NULL;
    crowd->mask = buckets - 1;
    crowd->buckets = calloc(buckets, sizeof(struct address *));
    crowd->addresses = calloc(connections, sizeof(*crowd->addresses));
    if (crowd->buckets == NULL || crowd->addresses == NULL ||
        getrandom(&crowd->seed, sizeof(crowd->seed), 0) != sizeof(crowd->seed)) {
        crowd_free(crowd);
        return NULL;
    }
    for (size_t i = connections; i-- > 0;) {
        crowd->addresses[i].next = crowd->unused;
        crowd->unused = &crowd->addresses[i];
    }
    return crowd;
}

void crowd_free(struct crowd *crowd) {
    if (crowd == NULL)
        return;
    free(crowd->buckets);
    free(crowd->addresses);
    free(crowd);
}

struct crowd_key crowd_key(const struct sockaddr *address) {
    struct crowd_key key = { 0 };
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
        key.six = !IN6_IS_ADDR_V4MAPPED(six);
        memcpy(&key.number, key.six ? six->s6_addr : six->s6_addr + 12, key.six ? 8 : 4);
    } else {
        memcpy(&key.number, &((const struct sockaddr_in *)address)->sin_addr, 4);
    }
    return key;
}

/* The mixing of splitmix64, with the seed. */
static struct address **bucket_of(const struct crowd *crowd, struct crowd_key key) {
    uint64_t mixed = key.number ^ crowd->seed ^ (key.six ? UINT64_MAX / 3 : 0);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return &crowd->buckets[(mixed ^ (mixed >> 31)) & crowd->mask];
}

static struct address **address_find(const struct crowd *crowd, struct crowd_key key) {
    struct address **place = bucket_of(crowd, key);
    while (*place != NULL && ((*place)->key.number != key.number || (*place)->key.six != key.six))
        place = &(*place)->next;
    return place;
}

bool crowd_enter(struct crowd *crowd, struct crowd_key key, int64_t limit) {
    struct address **place = address_find(crowd, key), *address = *place;
    if (address == NULL) {
        address = crowd->unused;
        if (address == NULL)
            return false;
        crowd->unused = address->next;
        *address = (struct address){ .key = key };
        *place = address;
    }
    if (address->count >= limit)
        return false;
    address->count++;
    return true;
}

void crowd_leave(struct crowd *crowd, struct crowd_key key) {
    struct address **place = address_find(crowd, key), *address = *place;
    if (address == NULL || --address->count > 0)
        return;
    *place = address->next;
    address->next = crowd->unused;
    crowd->unused = address;
}
