module boathook

go 1.24
