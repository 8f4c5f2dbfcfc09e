"""Who is who by what people have in common: cleaning, comparing, weighing, looking for pairs, joining. Pure: columns in, columns out."""
