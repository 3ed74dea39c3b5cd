/*
 * folder.c - emptying a folder.
 */
#include "folder.h"

#include <dirent.h>
#include <unistd.h>

#include "ferula/base/check.h"

void folder_empty(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    CHECK(d != NULL);
    while ((e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0); /* refuses . and .. */
    closedir(d);
}
