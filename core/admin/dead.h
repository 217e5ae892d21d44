/* GET /api/dead: the dead letters, of the newest events first, page by page. And the cursor of such pages, which retry and discard have too. */
#ifndef ADMIN_DEAD_H
#define ADMIN_DEAD_H

#include "admin/api.h"
#include "store/store.h"

void dead_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

enum { DEAD_CURSOR_SIZE = 48 };
void dead_cursor_format(const struct store_cursor *cursor, bool open, char text[DEAD_CURSOR_SIZE]);
/* `open`: it stands among open deliveries. False with the answer. */
bool dead_cursor_parse(const char *text, struct store_cursor *cursor, bool *open, struct api_answer *answer);

#endif
