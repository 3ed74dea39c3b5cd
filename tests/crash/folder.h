/*
 * folder.h - the folders that stores of a test are in, one after the other.
 */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

/* Removes the files of `dir`, which has no folders in it. */
void folder_empty(const char *dir);

#endif
