// Bytes that grow at the end and leave at the front.
class CByteBuffer
  {
private:
   uchar             m_data[];
   int               m_size;

   void              Reserve(const int more)
     {
      if(m_size+more>ArraySize(m_data))
         ArrayResize(m_data,(m_size+more)*2+64);
     }

public:
                     CByteBuffer(void) { m_size=0; }
   int               Size(void) const { return(m_size); }
   uchar             At(const int at) const { return(m_data[at]); }
   void              Clear(void) { m_size=0; }

   void              Add(const int value)
     {
      Reserve(1);
      m_data[m_size]=(uchar)value;
      m_size++;
     }
   void              AddBytes(const uchar &bytes[],const int start,const int count)
     {
      Reserve(count);
      ArrayCopy(m_data,bytes,m_size,start,count);
      m_size+=count;
     }
   //--- big-endian, in so many bytes
   void              AddNumber(const long value,const int bytes)
     {
      for(int shift=8*(bytes-1); shift>=0; shift-=8)
         Add((int)((value>>shift)&0xFF));
     }
   //--- little-endian, as MqlRates lies in memory
   void              AddLittle(const long value,const int bytes)
     {
      for(int at=0; at<bytes; at++)
         Add((int)((value>>(8*at))&0xFF));
     }
   void              AddText(const string text)
     {
      for(int at=0; at<StringLen(text); at++)
         Add((int)StringGetCharacter(text,at));
     }
   void              AddFrom(const CByteBuffer &other,const int start,const int count)
     {
      for(int at=0; at<count; at++)
         Add((int)other.At(start+at));
     }
   void              DropFirst(const int count)
     {
      for(int at=count; at<m_size; at++)
         m_data[at-count]=m_data[at];
      m_size-=count;
     }
   //--- copies a part out; the array has exactly that size then
   void              Copy(uchar &to[],const int start,const int count) const
     {
      ArrayResize(to,count);
      for(int at=0; at<count; at++)
         to[at]=m_data[start+at];
     }
  };
